// SPDX-License-Identifier: Apache-2.0
// The last line of a program that dies by a trap (F2). Each trap is planted in a process of its own.

import Glibc
import Testing

@testable import Martlet

/// What goes wrong, and in which callback.
struct PlantedTrap: Codable, Sendable, CustomStringConvertible {
    enum Fault: String, Codable, CaseIterable {
        case bounds, overflow, precondition, segmentation, abort, breakpoint
    }
    enum Place: String, Codable, CaseIterable {
        case call, cast, message, initialise, inPlace
    }
    let fault: Fault
    let place: Place

    static let all = Fault.allCases.flatMap { fault in Place.allCases.map { PlantedTrap(fault: fault, place: $0) } }

    var description: String { "\(fault) in \(place)" }

    /// How the program ends.
    var signal: (number: CInt, name: String) {
        switch fault {
        case .segmentation: (SIGSEGV, "SIGSEGV")
        case .abort: (SIGABRT, "SIGABRT")
        case .breakpoint: (SIGTRAP, "SIGTRAP")
        case .bounds, .overflow, .precondition:
            #if arch(arm64)
                (SIGTRAP, "SIGTRAP")
            #else
                (SIGILL, "SIGILL")
            #endif
        }
    }

    /// What the line says was being handled.
    var handling: String {
        switch place {
        case .call: "handling call Scripted<MartletTests.Pooled>.Call"
        case .cast: "handling cast Scripted<MartletTests.Pooled>.Cast"
        case .message: "handling message Int"
        case .initialise: "handling init"
        case .inPlace: "handling call Scripted<MartletTests.InPlace>.Call"
        }
    }

    func goOff() {
        switch fault {
        case .bounds:
            let numbers = Array(0..<Int.random(in: 1...3))
            print(numbers[Int.random(in: 5...9)])
        case .overflow: print(Int.max - Int.random(in: 0...2) + Int.random(in: 3...5))
        case .precondition: preconditionFailure("planted")
        case .segmentation: unsafe print(UnsafePointer<Int>(bitPattern: Int.random(in: 8...16) & ~7)?.pointee ?? 0)
        case .abort: Glibc.abort()
        case .breakpoint: raise(SIGTRAP)
        }
    }

    /// Dies.
    func run() async throws {
        switch place {
        case .initialise: _ = try await Desk.begin(name: "planted") { $0.begin = { [self] _ in goOff() } }
        case .inPlace:
            let desk = try await InPlaceDesk.begin(name: "planted")
            await eventually { if case .waiting? = desk.pid.status?.activity { true } else { false } }
            _ = try await desk.ask { [self] _, from in
                goOff()
                return from.reply(1)
            }
        default:
            let desk = try await Desk.begin(name: "planted", options: StartOptions(label: "a mine")) { script in
                script.info = { [self] _, _ in
                    goOff()
                    return .wait
                }
            }
            if place == .call {
                _ = try await desk.ask { [self] _, from in
                    goOff()
                    return from.reply(1)
                }
            }
            if place == .cast {
                desk.tell { [self] _ in
                    goOff()
                    return .wait
                }
            }
            if place == .message { desk.process.send(1) }
            _ = try await desk.pid.waitForExit()
        }
    }
}

/// The compiler must not know that it does not return.
@inline(never)
private func die() -> Int { Glibc.abort() }

@inline(never)
private func deeper(_ depth: Int) -> Int { depth < 0 ? 0 : deeper(depth + 1) + Int.random(in: 0...1) }

@Suite("Trap breadcrumb", .serialized)
struct BreadcrumbTests {
    private func lines(_ result: ExitTest.Result?) -> [Substring] {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix("martlet: SIG") }
    }

    @Test(
        "a trap says which process died, handling what, and the signal stays the same (F2)", arguments: PlantedTrap.all)
    func planted(trap: PlantedTrap) async {
        let result = await #expect(
            processExitsWith: .signal(trap.signal.number), observing: [\.standardErrorContent]
        ) { [trap = trap as PlantedTrap] in
            try await trap.run()
        }
        let lines = lines(result)
        #expect(lines.count == 1)
        let line = lines.first ?? ""
        #expect(line.hasPrefix("martlet: \(trap.signal.name) in process <"))
        #expect(line.contains("> Scripted<MartletTests."))
        #expect(line.contains("\"planted\""))
        #expect(line.contains(trap.handling), "\(line)")
        #expect(line.contains("(label: a mine)") == [.call, .cast, .message].contains(trap.place))
    }

    @Test("a handler that overflows its stack is named too")
    func stackOverflow() async {
        let result = await #expect(processExitsWith: .signal(SIGSEGV), observing: [\.standardErrorContent]) {
            let desk = try await Desk.begin()
            desk.tell { _ in
                print(deeper(0))
                return .wait
            }
            _ = try await desk.pid.waitForExit()
        }
        #expect(lines(result).count == 1)
    }

    @Test("a handler in place names its caller's process as well")
    func nested() async {
        let result = await #expect(processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]) {
            let (outer, inner) = (try await Desk.begin(name: "outer"), try await InPlaceDesk.begin(name: "inner"))
            await eventually { if case .waiting? = inner.pid.status?.activity { true } else { false } }
            _ = try await outer.ask { _, from in from.reply(try inner.askBlocking { _, from in from.reply(die()) }) }
        }
        let line = lines(result).first ?? ""
        #expect(line.contains("\"inner\", handling call") && line.contains(", called by process <"), "\(line)")
        #expect(line.contains("\"outer\""))
    }

    @Test("the handler that was there before is called, with the same signal")
    func chain() async {
        let result = await #expect(processExitsWith: .exitCode(7), observing: [\.standardErrorContent]) {
            signal(SIGABRT) { number in _exit(number == SIGABRT ? 7 : 8) }
            let desk = try await Desk.begin()
            _ = try await desk.ask { _, from in from.reply(die()) }
        }
        #expect(lines(result).count == 1)
    }

    @Test("nothing is said of a trap outside the runtime, nor where the runtime does not want it")
    func silent() async {
        let outside = await #expect(processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]) {
            _ = try await Desk.begin()
            _ = await onThread { die() }
        }
        #expect(lines(outside).isEmpty)
        let unwanted = await #expect(processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]) {
            _ = Runtime()
            var configuration = Runtime.Configuration()
            configuration.trapBreadcrumb = false
            let desk = try await Desk.begin(options: StartOptions(runtime: Runtime(configuration)))
            _ = try await desk.ask { _, from in from.reply(die()) }
        }
        #expect(lines(unwanted).isEmpty)
    }
}
