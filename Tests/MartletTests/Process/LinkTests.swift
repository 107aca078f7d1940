// SPDX-License-Identifier: Apache-2.0
// Links: who ends with whom, and who is told instead (R12-R14).

import Testing

@testable import Martlet

@Suite("Links", .timeLimit(.minutes(5)))
struct LinkTests {
    /// A process that waits until it is told to end, and ends with that reason.
    static func waiting() -> ProcessRef<ExitReason> {
        spawn { (mailbox: inout Mailbox<ExitReason>) in throw ExitSignal(try await mailbox.receive()) }
    }

    /// A process linked with `peer`; what it ends with is the answer of `waitForExit`.
    static func linked(with peer: Pid, trapping: Bool = false, _ record: Record<String>? = nil) async -> Pid {
        let ready = Record(Int.self)
        let process = spawn { (mailbox: inout Mailbox<Never>) in
            mailbox.trapsExits = trapping
            peer.link()
            ready.add(1)
            while true {
                if case .exit(let from, let reason) = try await mailbox.receiveInfo() {
                    record?.add("\(from) \(reason)")
                }
            }
        }
        await eventually { ready.count == 1 || !process.pid.isAlive }
        return process.pid
    }

    @Test("an abnormal end takes linked processes along, with its reason (R14)", .tags(.parity))
    func abnormal() async throws {
        try await withRuntime { test in
            let first = Self.waiting()
            let second = await Self.linked(with: first.pid)
            let third = await Self.linked(with: second)
            async let end = third.waitForExit()
            first.send(.error(Failure(7)))
            let text = "\(try await end)"
            #expect(text == "error (Failure)" || text == "no process")
            #expect(!second.isAlive)
        }
    }

    @Test("a shutdown takes linked processes along as well; normal takes nobody (R14)", .tags(.parity))
    func shutdownAndNormal() async throws {
        try await withRuntime { test in
            let first = Self.waiting()
            let taken = await Self.linked(with: first.pid)
            first.send(.shutdown)
            await eventually { !taken.isAlive }

            let second = Self.waiting()
            let spared = await Self.linked(with: second.pid)
            second.send(.normal)
            await eventually { !second.pid.isAlive }
            await eventually { _Tie.links(of: spared.raw).isEmpty }
            #expect(spared.isAlive)
            spared.kill()
        }
    }

    @Test("a process that traps exits is told, of normal as well, and lives (R12)", .tags(.parity))
    func trapping() async throws {
        try await withRuntime { test in
            let record = Record(String.self)
            let first = Self.waiting(), second = Self.waiting(), third = Self.waiting()
            let trapper = await Self.linked(with: first.pid, trapping: true, record)
            for peer in [second, third] { peer.pid.linkFrom(trapper) }
            first.send(.normal)
            await eventually { record.count == 1 }
            second.send(.error(Failure()))
            await eventually { record.count == 2 }
            third.pid.kill()
            await eventually { record.count == 3 }
            #expect(
                record.all == [
                    "\(first.pid) normal", "\(second.pid) error (Failure)", "\(third.pid) killed",
                ])
            #expect(trapper.isAlive)
            trapper.kill()
        }
    }

    @Test("linked peers of a killed process see killed, which can be trapped (R13)", .tags(.parity))
    func killed() async throws {
        try await withRuntime { test in
            let first = Self.waiting()
            let second = await Self.linked(with: first.pid)
            async let end = second.waitForExit()
            first.pid.kill()
            let text = "\(try await end)"
            #expect(text == "killed" || text == "no process")
        }
    }

    @Test("a link with a process that has ended is a signal with no process (R14)", .tags(.parity))
    func deadPeer() async throws {
        try await withRuntime { test in
            let dead = Self.waiting()
            dead.pid.kill()
            await eventually { !dead.pid.isAlive }
            let record = Record(String.self)
            let trapper = await Self.linked(with: dead.pid, trapping: true, record)
            await eventually { record.count == 1 }
            #expect(record.all == ["\(dead.pid) no process"])
            let other = await Self.linked(with: dead.pid)
            await eventually { !other.isAlive }
            trapper.kill()
        }
    }

    @Test("exit: normal is ignored unless trapped or one's own; others end an untrapping process (R13)", .tags(.parity))
    func exitSignals() async throws {
        try await withRuntime { test in
            let plain = Self.waiting()
            plain.pid.exit(.normal)
            #expect(plain.pid.isAlive)
            async let end = plain.pid.waitForExit()
            plain.pid.exit(.killed)
            let text = "\(try await end)"
            #expect(text == "killed" || text == "no process")

            let record = Record(String.self)
            let peer = Self.waiting()
            let trapper = await Self.linked(with: peer.pid, trapping: true, record)
            trapper.exit(.normal)
            trapper.exit(.killed)
            await eventually { record.count == 2 }
            #expect(record.all == ["\(Pid.none) normal", "\(Pid.none) killed"])
            trapper.kill()
            await eventually { !trapper.isAlive }

            let own = spawn { (mailbox: inout Mailbox<Never>) in
                Pid.current?.exit(.normal)
                _ = try await mailbox.receiveInfo()
            }
            await eventually { !own.pid.isAlive }
        }
    }

    @Test("after unlink nothing of the link is heard, not even what waited in the mailbox")
    func unlinked() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                mailbox.trapsExits = true
                let peer = Self.waiting()
                peer.pid.link()
                peer.pid.link()
                #expect(_Tie.links(of: peer.pid.raw).count == 1)
                peer.send(.error(Failure()))
                await eventually { !_Post.isThere(peer.pid.raw) }
                peer.pid.unlink()
                guard case .timeout = try await mailbox.receiveInfo(timeout: .zero) else {
                    Issue.record("a signal came through a link that was removed")
                    return
                }
            }
        }
    }

    @Test("unlink takes back the signal of a link that was made too late")
    func unlinkedEnded() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                mailbox.trapsExits = true
                let peer = Self.waiting()
                peer.pid.kill()
                await eventually { !_Post.isThere(peer.pid.raw) }
                peer.pid.link()
                peer.pid.link()
                peer.pid.unlink()
                guard case .timeout = try await mailbox.receiveInfo(timeout: .zero) else {
                    Issue.record("a signal came through a link that was removed")
                    return
                }
            }
        }
    }

    @Test("a body that returns before it saw a signal has ended with the signal (R13, R14)")
    func signalBeforeReturn() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let process = spawn(Never.self) { _ in
                gate.pass()
                Pid.current?.exit(.shutdown)
            }
            let third = await Self.linked(with: process.pid)
            await gate.arrived()
            gate.open()
            await eventually { !third.isAlive }
        }
    }

    @Test("a killed handler that starts processes starts nothing, and nothing traps")
    func killedStarter() async throws {
        try await withRuntime { test in
            let record = Record(String.self)
            let server = try await Desk.begin()
            server.tell { _ in
                Pid.current?.kill()
                record.add("\(spawn(Never.self) { _ in record.add("ran") }.pid)")
                record.add("\(spawnLink(Never.self) { _ in record.add("ran") }.pid)")
                do { _ = try Desk.startLink(Desk.Script()) } catch { record.add("\(error)") }
                return .wait
            }
            await eventually { record.count == 3 && !server.pid.isAlive }
            #expect(record.all == ["\(Pid.none)", "\(Pid.none)", "exited: killed"])
        }
    }

    @Test("spawnLink is atomic: the link is there whatever the new process does first", .tags(.parity))
    func spawnLinked() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Never.self) { mailbox in
                mailbox.trapsExits = true
                for code in 0..<100 {
                    let child = spawnLink(Never.self) { _ in throw Failure(code) }
                    guard case .exit(child.pid, .error(let error)) = try await mailbox.receiveInfo() else {
                        Issue.record("the end of a linked process was not told")
                        return
                    }
                    #expect(error as? Failure == Failure(code))
                }
            }
        }
    }

    @Test("10,000 links of one process all speak once", .tags(.stress))
    func many() async throws {
        try await withRuntime { test in
            let (ready, heard) = (Record(Int.self), Record(Int.self))
            let hub = spawn { (mailbox: inout Mailbox<Int>) in
                for _ in 0..<10_000 {
                    spawnLink(Never.self) { mailbox in
                        mailbox.trapsExits = true
                        ready.add(1)
                        guard case .exit(_, .error) = try await mailbox.receiveInfo() else { return }
                        heard.add(1)
                    }
                }
                _ = try await mailbox.receive()
                throw Failure()
            }
            await eventually { ready.count == 10_000 }
            hub.send(1)
            await eventually { heard.count == 10_000 }
        }
    }
}

extension Pid {
    /// Links this process with another, as if that one had asked.
    func linkFrom(_ other: Pid) { _ = _Tie.link(other.raw, with: raw) }
}
