// SPDX-License-Identifier: Apache-2.0
// Races of the system lane with messages and ends, over ten thousand seeds each.

import Martlet
import MartletTestKit
import Testing

@Suite("Races of sys", .tags(.systematic))
struct RaceOfSysTests {
    private static func word(of body: () async throws -> Void) async -> String {
        do { try await body() } catch let error as CallError { return "\(error.reason)" } catch { return "\(error)" }
        return "done"
    }

    @Test("suspend and resume against every end: each request is answered once, and nothing is left (R21)")
    func suspendAgainstEnd() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let desk = try await Desk.start()
            let words = await withTaskGroup(of: String.self) { group in
                group.addTask { await Self.word { try await desk.sys.suspend() } }
                group.addTask {
                    for number in 0..<3 { desk.cast(.note(number)) }
                    return await Self.word { _ = try await desk.sys.status() }
                }
                group.addTask { await Self.word { try await desk.sys.resume() } }
                group.addTask {
                    switch test.seed % 3 {
                    case 0: desk.pid.kill()
                    case 1: desk.pid.exit(.shutdown)
                    default: return await Self.word { try await desk.stop(.shutdown) }
                    }
                    return "done"
                }
                return await group.reduce(into: Set()) { $0.insert($1) }
            }
            let expected: Set = ["done", "no process", "exited: killed", "exited: shutdown"]
            try #require(words.isSubset(of: expected), "\(words)")
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }

    @Test("messages around suspend and resume are handled once and in order (R5)")
    func order() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let desk = try await Desk.start()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for number in 0..<10 { desk.cast(.note(number)) } }
                for _ in 0..<2 {
                    group.addTask {
                        _ = await Self.word { try await desk.sys.suspend() }
                        _ = await Self.word { try await desk.sys.resume() }
                    }
                }
            }
            try await desk.sys.resume()
            let seen = try await desk.call { .seen($0) }
            try #require(seen == Array(0..<10))
            try await desk.stop()
            test.assertNothingLeft()
        }
    }

    @Test("a suspend that fails suspends nobody, one that does not does, however close the timeout is (R3, R21)")
    func suspendAgainstTimeout() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let desk = try await Desk.start()
            let words = await withTaskGroup(of: String.self) { group in
                group.addTask {
                    for number in 0..<3 { desk.cast(.note(number)) }
                    return ""
                }
                group.addTask {
                    var sys = desk.sys
                    sys.timeout = .milliseconds(test.seed % 3)
                    return await Self.word { try await sys.suspend() }
                }
                group.addTask {
                    await withTaskGroup(of: String.self) { inner in
                        inner.addTask { await Self.word { try await desk.sys.suspend() } }
                        await Task.yield()
                        inner.cancelAll()
                        return await inner.next() ?? ""
                    }
                }
                return await group.reduce(into: Set()) { $0.insert($1) }
            }
            await test.clock.runUntilIdle()
            try #require(words.isSubset(of: ["", "done", "timeout", "cancelled"]), "\(words)")
            let isSuspended = try await desk.sys.status().isSuspended
            try #require(isSuspended == words.contains("done"), "\(words)")
            try await desk.stop()
            test.assertNothingLeft()
        }
    }

    @Test("suspended, resumed and suspended again, a server still hears a stop (R15)")
    func stopWhileCatchingUp() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let desk = try await Desk.start()
            try await desk.sys.suspend()
            for number in 0..<3 { desk.cast(.note(number)) }
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    _ = await Self.word { try await desk.sys.resume() }
                    _ = await Self.word { try await desk.sys.suspend() }
                }
                group.addTask { for number in 3..<6 { desk.cast(.note(number)) } }
                group.addTask { _ = await Self.word { try await desk.stop() } }
            }
            test.assertNothingLeft()
        }
    }

    /// Watches a process that sends to it, and says what it heard.
    private struct Watcher: GenServer {
        enum Call { case heard(From<[Int]>) }
        enum Cast { case watch(Pid) }
        typealias Message = Int
        static var trapsExits: Bool { true }
        var heard: [Int] = []
        init(_: Void) {}
        mutating func handleCall(_ call: Call) -> Next {
            if case .heard(let from) = call { from.reply(heard) }
            return .wait
        }
        mutating func handleCast(_ cast: Cast) -> Next {
            if case .watch(let pid) = cast {
                _ = pid.monitor()
                pid.link()
            }
            return .wait
        }
        mutating func handleInfo(_ info: Info<Int>) -> Next {
            switch info {
            case .message(let number): heard.append(number)
            case .exit: heard.append(-1)
            case .down: heard.append(-2)
            default: break
            }
            return .wait
        }
    }

    @Test("EXIT and DOWN wait with the messages, behind those of who ended, and none is lost (R5, R12, R21)")
    func newsAside() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let watcher = try await Watcher.start()
            let talker = spawn(Int.self) { mailbox in
                _ = try await mailbox.receive()
                for number in 0..<4 { watcher.process.send(number) }
            }
            watcher.cast(.watch(talker.pid))
            _ = try await watcher.call { .heard($0) }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { talker.send(0) }
                for _ in 0..<2 {
                    group.addTask {
                        _ = await Self.word { try await watcher.sys.suspend() }
                        _ = await Self.word { try await watcher.sys.resume() }
                    }
                }
            }
            await test.clock.runUntilIdle()
            let heard = try await watcher.call { .heard($0) }
            try #require(heard == [0, 1, 2, 3, -1, -2] || heard == [0, 1, 2, 3, -2, -1], "\(heard)")
            try await watcher.stop()
            test.assertNothingLeft()
        }
    }

    /// Another type for the desk.
    private struct SecondDesk: GenServer {
        typealias Argument = Void
        typealias Call = Desk.Call
        typealias Cast = Desk.Cast
        typealias Message = Int
        var desk: Desk
        init(_: Void) { desk = Desk(()) }
        init(_ desk: Desk) { self.desk = desk }
        mutating func handleCall(_ call: Call) throws -> Next { try desk.handleCall(call) }
        mutating func handleCast(_ cast: Cast) throws -> Next { try desk.handleCast(cast) }
        mutating func handleInfo(_ info: Info<Int>) -> Next { desk.handleInfo(info) }
    }

    @Test("a change of code against messages and a kill: handled once and in order, or gone with the process")
    func changeAgainstKill() async throws {
        try await explore(seeds: 0..<10_000) { test in
            let desk = try await Desk.start()
            let words = await withTaskGroup(of: String.self) { group in
                group.addTask {
                    for number in 0..<5 { desk.cast(.note(number)) }
                    return await Self.word {
                        let seen = try await desk.call { .seen($0) }
                        try #require(seen == Array(0..<5))
                    }
                }
                group.addTask {
                    await Self.word {
                        let second = try await desk.sys.changeCode(to: SecondDesk.self) { SecondDesk($0) }
                        _ = try await second.sys.changeCode(to: Desk.self) { $0.desk }
                    }
                }
                if test.seed.isMultiple(of: 2) {
                    group.addTask {
                        desk.pid.kill()
                        return "done"
                    }
                }
                return await group.reduce(into: Set()) { $0.insert($1) }
            }
            let expected: Set = ["done", "no process", "exited: killed"]
            try #require(words.isSubset(of: expected), "\(words)")
            desk.pid.kill()
            await test.clock.runUntilIdle()
            test.assertNothingLeft()
        }
    }
}
