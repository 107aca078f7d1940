// SPDX-License-Identifier: Apache-2.0
// Real servers for tests: each in a folder of its own, with a local socket there, no port, and fsync on.

import Foundation
import MartletPostgreSQL
import MartletTestKit
import Testing

/// Runs what blocks on a thread of its own: blocked threads of Swift's pool, one a processor, would hold up all tests.
func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { done in
        Thread.detachNewThread { done.resume(with: Result(catching: body)) }
    }
}

/// One server; stopped and removed with its last reference.
final class PostgreSQLServer: @unchecked Sendable {  // a test starts and ends it from one task
    /// PostgreSQL refuses to run as root: then it runs as its own user.
    private static let asUser =
        geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : []

    /// Where `initdb` and `postgres` are, of the newest version; nil: not installed.
    private static let binaries: String? = {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        let folders =
            versions.sorted(by: >).map { "\(root)/\($0)/bin" }
            + (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return folders.first { folder in
            ["initdb", "postgres"].allSatisfy { FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)") }
        }
    }()

    /// Tests of PostgreSQL run where it is installed, and where it has to be.
    static var isExpected: Bool { binaries != nil || ProcessInfo.processInfo.environment["CI"] == "true" }

    /// Not an expectation that failed: a second test that is told of it would pass.
    fileprivate struct Absence: Error, CustomStringConvertible {
        let description = "no PostgreSQL server here: make deps-extra"
    }

    /// The folder of the binaries.
    private static var installed: String {
        get throws {
            guard let binaries else { throw Absence() }
            return binaries
        }
    }

    /// Whether a server may have a small disk: mounting is for root, and not in every container.
    static let canMount = (try? Command.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp"])) != nil

    let folder: String
    /// A folder on a file system of 16 MB that only the server sees.
    let smallDisk: String?
    private var launcher: Command?

    private init(onSmallDisk: Bool = false) throws {
        folder = try Self.makeFolder()
        smallDisk = onSmallDisk ? folder + "/small" : nil
        if let smallDisk { try Command.run(["mkdir", smallDisk]) }
    }

    /// What goes before the server's command.
    private var prefix: [String] {
        guard let smallDisk else { return Self.asUser }
        let mount = #"mount -t tmpfs -o size=16m,uid=postgres,mode=700 none "$0" && exec "$@""#
        return ["unshare", "-m", "bash", "-c", mount, smallDisk] + Self.asUser
    }

    deinit {
        end()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Starts a server, and waits until it is there.
    static func start(onSmallDisk: Bool = false) async throws -> PostgreSQLServer {
        let server = try PostgreSQLServer(onSmallDisk: onSmallDisk)
        let template = try await SharesPostgreSQL.Shared.only.template()
        try await blocking { try Command.run(["cp", "-a", template.folder + "/data", server.folder + "/data"]) }
        try await server.start()
        return server
    }

    /// The data of a new server takes a second to make, a tenth of one to copy.
    fileprivate static func makeTemplate() throws -> PostgreSQLServer {
        let server = try PostgreSQLServer()
        let binaries = try installed
        try Command.run(
            asUser + [
                "\(binaries)/initdb", "-D", server.folder + "/data", "-U", "postgres", "--auth=trust", "--no-sync",
                "--no-locale", "-E", "UTF8",
            ])
        // Who needs a password: the first line that fits counts.
        let rules = server.folder + "/data/pg_hba.conf"
        let others = try String(contentsOfFile: rules, encoding: .utf8)
        let file = try FileHandle(forWritingTo: URL(filePath: rules))
        try file.write(contentsOf: Data("local all locked scram-sha-256\n\(others)".utf8))
        return server
    }

    private static func makeFolder() throws -> String {
        // Not below TMPDIR: the path of a socket has room for a hundred characters.
        let path = "/tmp/martlet-\(UUID().uuidString.prefix(13))"
        try Command.run(["install", "-d", "-m", "700"] + (asUser.isEmpty ? [] : ["-o", "postgres"]) + [path])
        return path
    }

    // MARK: Life

    /// Ends the server when its input ends: whatever becomes of the tests, no server stays behind.
    private static let script = """
        exec 3<&0
        ready=$1 && shift
        "$@" 3<&- >/dev/null & server=$!
        until $ready; do kill -0 $server && sleep 0.01 || exit 1; done
        echo ready
        read -r _ <&3
        kill -INT $server
        wait $server
        """

    /// Starts it, also after `stop` or `kill`.
    func start() async throws {
        let binaries = try Self.installed
        let settings = ["listen_addresses=", "fsync=on", "shared_buffers=16MB"].flatMap { ["-c", $0] }
        // Once more while sessions of one that was killed hold its memory.
        try await eventually(within: .seconds(60)) {
            let launcher = try Command(
                ["bash", "-c", Self.script, "bash", "\(binaries)/pg_isready -q -h \(self.folder)"] + self.prefix
                    + ["\(binaries)/postgres", "-D", self.folder + "/data", "-k", self.folder] + settings)
            if try await blocking({ launcher.output.availableData.isEmpty }) {
                try await blocking { _ = launcher.wait() }
                return false
            }
            self.launcher = launcher
            return true
        }
    }

    /// Ends all sessions and shuts down.
    func stop() async throws { try await blocking { self.end() } }

    private func end() {
        try? launcher?.input.close()
        launcher?.wait()
        launcher = nil
    }

    /// kill -9.
    func kill() async throws {
        let lines = try String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
        let pid = try #require(lines.split(separator: "\n").first.flatMap { Int32($0) })
        Glibc.kill(pid, SIGKILL)
        try await stop()
    }

    // MARK: Use

    /// Where it is, for a store whose tables are in a schema of their own.
    func address(schema: String = "public", user: String = "postgres", options: String = "") -> String {
        "host=\(folder) port=5432 user=\(user) dbname=postgres options='-c search_path=\(schema) \(options)'"
    }

    func connect(schema: String = "public") throws -> PostgreSQLConnection {
        try PostgreSQLConnection(
            to: address(schema: schema), within: .seconds(60), silenceMax: .seconds(60))
    }

    /// Runs statements behind a store's back, each by itself.
    @discardableResult
    func run(_ statements: String..., schema: String = "public") async throws -> [PostgreSQLRow] {
        try await blocking {
            let connection = try self.connect(schema: schema)
            return try statements.map { try connection.rows([.text($0)]) }.last ?? []
        }
    }

    /// The number that a statement returns.
    func count(_ statement: String, schema: String = "public") async throws -> Int {
        Int(try await run(statement, schema: schema).first?.int(0) ?? 0)
    }
}

// MARK: - One for many tests

/// Suites whose tests use a server that is there for all of them.
struct SharesPostgreSQL: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @concurrent @Sendable () async throws -> Void
    ) async throws {
        await Shared.only.enter()
        do { try await body() } catch {
            await Shared.only.leave()
            throw error
        }
        await Shared.only.leave()
    }

    fileprivate actor Shared {
        static let only = Shared()
        private var suites = 0
        private var madeTemplate: Task<PostgreSQLServer, any Error>?
        private var server: Task<PostgreSQLServer, any Error>?

        func enter() { suites += 1 }

        func leave() {
            suites -= 1
            if suites == 0 { (madeTemplate, server) = (nil, nil) }
        }

        func template() async throws -> PostgreSQLServer {
            let template = madeTemplate ?? Task { try await blocking { try PostgreSQLServer.makeTemplate() } }
            madeTemplate = template
            return try await template.value
        }

        func get() async throws -> PostgreSQLServer {
            let server = server ?? Task { try await PostgreSQLServer.start() }
            self.server = server
            return try await server.value
        }
    }
}

extension PostgreSQLServer {
    /// The one of the suites that share it; started when the first asks.
    static var shared: PostgreSQLServer {
        get async throws { try await SharesPostgreSQL.Shared.only.get() }
    }

    /// That one, and a schema of the test's own on it.
    static func schema() async throws -> (server: PostgreSQLServer, name: String) {
        let server = try await shared
        let name = "s\(UInt64.random(in: 0..<UInt64.max))"
        try await server.run("CREATE SCHEMA \(name)")
        return (server, name)
    }
}

extension Trait where Self == ConditionTrait {
    static var needsPostgreSQL: Self { .enabled(if: PostgreSQLServer.isExpected, "\(PostgreSQLServer.Absence())") }
}

extension Trait where Self == SharesPostgreSQL {
    static var sharesPostgreSQL: Self { SharesPostgreSQL() }
}
