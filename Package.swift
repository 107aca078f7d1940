// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// The package: one library over a C core, the benchmark executable, the guide's examples. No unsafe flags, so that any
// package can depend on it; warning settings hold for this package only, SwiftPM drops them for dependents.
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .strictMemorySafety()]

// "_GNU_SOURCE" is defined empty, as a file's own `#define _GNU_SOURCE` would define it, so that both may stand.
let strictC: [CSetting] = [
    .define("_GNU_SOURCE", to: ""),
    .enableWarning("all"),
    .enableWarning("extra"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "martlet",
    products: [
        .library(name: "Martlet", targets: ["Martlet"]),
        .library(name: "MartletTestKit", targets: ["MartletTestKit"]),
        .library(name: "MartletServiceLifecycle", targets: ["MartletServiceLifecycle"]),
        .library(name: "MartletPersistence", targets: ["MartletPersistence"]),
        .library(name: "MartletSQLite", targets: ["MartletSQLite"]),
        .library(name: "MartletPostgreSQL", targets: ["MartletPostgreSQL"]),
        .executable(name: "martlet-bench", targets: ["martlet-bench"]),
        .executable(name: "martlet-soak", targets: ["martlet-soak"]),
        .executable(name: "martlet-tour", targets: ["martlet-tour"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.8.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
    ],
    targets: [
        // liburcu, linked dynamically. pkg-config names one library a target; the hash table's is named at CMartlet.
        .systemLibrary(
            name: "CURCU", path: "CSources/CURCU", pkgConfig: "liburcu-bp", providers: [.apt(["liburcu-dev"])]),
        .target(
            name: "CMartlet", dependencies: ["CURCU"], path: "CSources/CMartlet", sources: ["src"],
            publicHeadersPath: "include", cSettings: strictC, linkerSettings: [.linkedLibrary("urcu-cds")]),
        .target(
            name: "Martlet", dependencies: ["CMartlet", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .target(name: "MartletTestKit", dependencies: ["Martlet"], swiftSettings: strict),

        .target(
            name: "MartletBenchCore", dependencies: [.product(name: "Histogram", package: "hdrhistogram-swift")],
            path: "Benchmarks/MartletBenchCore", swiftSettings: strict),
        .executableTarget(
            name: "martlet-bench",
            dependencies: [
                "Martlet", "MartletPersistence", "MartletSQLite", "MartletPostgreSQL", "MartletBenchCore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "Benchmarks/MartletBench", swiftSettings: strict),
        // Fault scenarios, each with its account: run by martlet-soak at full size, by the tests at a small one.
        .target(
            name: "MartletFaults",
            dependencies: [
                "Martlet", "MartletPersistence", .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "Benchmarks/MartletFaults", swiftSettings: strict),
        .executableTarget(
            name: "martlet-soak",
            dependencies: [
                "Martlet", "MartletFaults", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/MartletSoak", swiftSettings: strict),
        .target(
            name: "Examples",
            dependencies: ["Martlet", "MartletPersistence", .product(name: "GRDB", package: "GRDB.swift")],
            path: "Examples", exclude: ["Command"], swiftSettings: strict),
        .executableTarget(
            name: "martlet-tour", dependencies: ["Examples"], path: "Examples/Command", swiftSettings: strict),

        .testTarget(name: "MartletTests", dependencies: ["Martlet", "MartletFaults"], swiftSettings: strict),
        .testTarget(
            name: "MartletTestKitTests", dependencies: ["MartletTestKit", "Martlet"], swiftSettings: strict),
        // A tree as a service of swift-service-lifecycle, and a service as a supervised child.
        .target(
            name: "MartletServiceLifecycle",
            dependencies: [
                "Martlet", .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], swiftSettings: strict),

        // Durable state of servers; and SQLite or PostgreSQL to keep it in.
        .target(
            name: "MartletPersistence", dependencies: ["Martlet", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .target(
            name: "MartletSQLite",
            dependencies: ["Martlet", "MartletPersistence", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .systemLibrary(
            name: "CLibPQ", path: "CSources/CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(
            name: "MartletPostgreSQL",
            dependencies: [
                "CLibPQ", "Martlet", "MartletPersistence", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),

        .testTarget(
            name: "PersistenceTests",
            dependencies: [
                "Martlet", "MartletPersistence", "MartletSQLite", "MartletPostgreSQL", "MartletTestKit",
                "DurableWriter",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: strict),
        // What the tests kill.
        .executableTarget(
            name: "DurableWriter",
            dependencies: ["Martlet", "MartletPersistence", "MartletSQLite", "MartletPostgreSQL"],
            path: "Tests/DurableWriter", swiftSettings: strict),
        .testTarget(
            name: "MartletServiceLifecycleTests",
            dependencies: [
                "Martlet", "MartletServiceLifecycle", "MartletTestKit",
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ], swiftSettings: strict),
        .testTarget(name: "SupervisionTests", dependencies: ["MartletTestKit", "Martlet"], swiftSettings: strict),
        .testTarget(name: "TasksTests", dependencies: ["MartletTestKit", "Martlet"], swiftSettings: strict),
        .testTarget(name: "StageTests", dependencies: ["MartletTestKit", "Martlet"], swiftSettings: strict),
        .testTarget(name: "MartletBenchTests", dependencies: ["MartletBenchCore"], swiftSettings: strict),
        .testTarget(
            name: "ExamplesTests", dependencies: ["Examples", "Martlet", "MartletPersistence", "MartletTestKit"],
            swiftSettings: strict),
    ],
    cLanguageStandard: .gnu11
)
