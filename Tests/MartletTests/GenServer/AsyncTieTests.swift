// SPDX-License-Identifier: Apache-2.0
// Links, monitors and exit signals of async servers, where their callbacks are suspended.

import Testing

@testable import Martlet

@Suite("Links and monitors of async servers", .tags(.parity), .timeLimit(.minutes(5)))
struct AsyncTieTests {
    enum Trapping: Declarations {
        static var trapsExits: Bool { true }
    }

    /// A server of the type that `D` declares, suspended at the gate, that notes what it hears in words.
    private static func watcher<D>(_: D.Type, _ record: Record<String>) async throws -> AsyncScripted<D>.Ref {
        try await AsyncScripted<D>.begin {
            $0.info = { _, info in
                await Task.yield()
                switch info {
                case .down(_, _, let reason): record.add("down: \(reason)")
                case .exit(_, let reason): record.add("exit: \(reason)")
                default: break
                }
                return .wait
            }
            $0.terminate = { _, reason in
                await Task.yield()
                record.add("terminate: \(reason)")
            }
        }
    }

    @Test(
        "a kill of a suspended callback is told to monitors and links at once, before the callback returns (R13, R14)")
    func killHeard() async throws {
        try await withRuntime { _ in
            let gate = AsyncGate()
            let victim = try await AsyncDesk.begin()
            victim.tell { _ in
                await gate.passDeaf()
                return .wait
            }
            await gate.arrived()
            let heard = Record()
            let monitoring = try await Self.watcher(Pooled.self, heard)
            let trapping = try await Self.watcher(Trapping.self, heard)
            let linked = try await Self.watcher(Pooled.self, heard)
            _ = try await monitoring.ask { _, from in
                await Task.yield()
                _ = victim.monitor()
                return from.reply(1)
            }
            _ = try await trapping.ask { _, from in
                await Task.yield()
                victim.pid.link()
                return from.reply(1)
            }
            _ = try await linked.ask { _, from in
                await Task.yield()
                victim.pid.link()
                return from.reply(1)
            }
            victim.pid.kill()
            await eventually { heard.count == 2 && !linked.pid.isAlive }
            #expect(Set(heard.all) == ["down: killed", "exit: killed"])
            gate.open()
        }
    }

    @Test("a link's end, not trapped, ends a suspended callback with its reason and cancels it (R14)")
    func linkEnds() async throws {
        try await withRuntime { _ in
            let gate = AsyncGate()
            let record = Record()
            let other = try await AsyncDesk.begin()
            let server = try await Self.watcher(Pooled.self, record)
            let call = Task {
                await reason {
                    try await server.ask(timeout: nil) { _, from in
                        other.pid.link()
                        do { try await gate.pass() } catch {
                            record.add("cancelled")
                            throw error
                        }
                        return from.reply(1)
                    }
                }
            }
            await gate.arrived()
            other.pid.exit(.error(Failure()))
            #expect(await call.value == "exited: error (Failure)")
            await eventually { record.all == ["cancelled"] }
        }
    }

    @Test(
        "the parent's exit signal waits for a suspended callback, then terminate runs, trapped or not (R11)",
        arguments: [false, true])
    func parent(traps: Bool) async throws {
        try await withRuntime { _ in
            let gate = AsyncGate()
            let record = Record()
            let parent = try await AsyncDesk.begin()
            _ = try await parent.ask { _, from in
                if traps {
                    try await Self.hold(Self.watcher(Trapping.self, record), gate)
                } else {
                    try await Self.hold(Self.watcher(Pooled.self, record), gate)
                }
                return from.reply(1)
            }
            await gate.arrived()
            parent.tell { state in
                for pid in Runtime.current.processes() where pid != Pid.current { pid.exit(.shutdown) }
                return .wait
            }
            await eventually { (try? await parent.ask { $1.reply(1) }) == 1 }
            #expect(record.count == 0)
            gate.open()
            await eventually { record.all == ["terminate: shutdown"] }
        }
    }

    private nonisolated(nonsending) static func hold<D>(_ server: AsyncScripted<D>.Ref, _ gate: AsyncGate) async throws
    {
        server.tell { _ in
            try await gate.pass()
            return .wait
        }
    }

    @Test("startLink and startMonitor tie a server that a suspended callback starts (R1, R2)")
    func tiedStarts() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await Self.watcher(Trapping.self, record)
            _ = try await server.ask { _, from in
                await Task.yield()
                let linked = try await AsyncDesk.startLink(AsyncDesk.Script())
                let (watched, _) = try await AsyncDesk.startMonitor(AsyncDesk.Script())
                linked.pid.exit(.error(Failure()))
                watched.pid.kill()
                return from.reply(1)
            }
            await eventually { record.count == 2 }
            #expect(Set(record.all) == ["exit: error (Failure)", "down: killed"])
        }
    }
}
