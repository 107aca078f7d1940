// SPDX-License-Identifier: Apache-2.0
// The ends of a pool: last words with some, closed connections with all.

import Martlet

func poolTour(output: @escaping Output = terminal) async throws {
    let database = Database()
    let settings = DatabasePool.Settings(database: database, output: output)

    // A process, as only a process can be a parent.
    try await withProcess(receiving: Never.self) { mailbox in
        mailbox.trapsExits = true  // the pools below are its children: their ends are news, not a reason to end
        func end(_ how: String, _ end: (DatabasePool.Ref) async throws -> Void) async throws {
            output("\(how):")
            let pool = try await DatabasePool.startLink(settings, name: DatabasePool.name)
            let word = try await pool.withConnection { try $0.query("SELECT word FROM greetings") }
            output("\(word ?? "nothing"), \(database.open) open")
            try await end(pool)
            _ = try await pool.pid.waitForExit()
            // A killed process is gone at once; a handler that ran still returns, and then the state goes.
            while database.open > 0 { await Task.yield() }
            output("\(database.open) open")
        }
        try await end("Stopped") { try await $0.stop() }
        try await end("Its parent says shutdown") { $0.pid.exit(.shutdown) }
        try await end("A stranger says shutdown") { pool in spawn(Never.self) { _ in pool.pid.exit(.shutdown) } }
        try await end("Killed") { $0.pid.kill() }
        try await end("It fails") {
            try database.crash()
            $0.check()
        }
    }

    output("No room for all:")
    let small = Database(limit: 3)
    do throws(StartError) {
        _ = try await DatabasePool.start(.init(database: small, output: output))
    } catch {
        output("\(error), \(small.openedSoFar) opened, \(small.open) open")
    }
}
