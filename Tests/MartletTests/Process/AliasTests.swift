// SPDX-License-Identifier: Apache-2.0
// Second addresses of a mailbox (R4), and receiving through one.

import Testing

@testable import Martlet

@Suite("Aliases", .timeLimit(.minutes(5)))
struct AliasTests {
    @Test("a sender's messages stay in order whichever address it uses (R5)", .tags(.parity))
    func order() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                let (direct, alias) = (mailbox.ref, mailbox.alias())
                spawn(Never.self) { _ in
                    for number in 0..<1_000 { (number.isMultiple(of: 2) ? direct : alias).send(number) }
                }
                var received: [Int] = []
                while received.count < 1_000 { received.append(try await mailbox.receive()) }
                #expect(received == Array(0..<1_000))
            }
        }
    }

    @Test("receive through an alias passes over all else, which stays in order (S1)", .tags(.parity))
    func through() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                for number in 0..<10 { mailbox.ref.send(number) }
                let (first, second) = (mailbox.alias(), mailbox.alias())
                second.send(200)
                mailbox.ref.send(10)
                first.send(100)
                first.send(101)
                let ref = mailbox.ref
                var through = [try await mailbox.receive(through: first), try await mailbox.receive(through: first)]
                through.append(try await mailbox.receive(through: first, timeout: .zero))
                through.append(try await mailbox.receive(through: ref))
                #expect(through == [100, 101, nil, nil])
                var rest: [Int] = []
                while let next = try await mailbox.receive(timeout: .zero) { rest.append(next) }
                #expect(rest == Array(0..<10) + [200, 10])
            }
        }
    }

    @Test("what came through an ended alias is not taken for another's, though that one has its slot (S1, R4)")
    func lateBesideNew() async throws {
        try await withRuntime(workers: 1) { test in
            try await withProcess(receiving: Int.self) { mailbox in
                for round in 0..<100 {
                    let ended = mailbox.alias()
                    ended.send(-1)
                    mailbox.unalias(ended)
                    let alias = mailbox.alias()
                    alias.send(round)
                    let answer = try await mailbox.receive(through: alias)
                    mailbox.unalias(alias)
                    #expect(answer == round)
                }
            }
        }
    }

    @Test("a reply costs the same however much was skipped: 2,000 requests beside 50,000 messages", .tags(.stress))
    func cost() async throws {
        try await withRuntime { test in
            let echo = spawn { (mailbox: inout Mailbox<ProcessRef<Int>>) in
                while true { try await mailbox.receive().send(7) }
            }
            try await withProcess(receiving: Int.self) { mailbox in
                for number in 0..<50_000 { mailbox.ref.send(number) }
                let nothing = try await mailbox.receive(timeout: .zero) { $0 < 0 ? $0 : nil }
                #expect(nothing == nil)
                var sum = 0
                for _ in 0..<2_000 {
                    let alias = mailbox.alias()
                    echo.send(alias)
                    sum += try await mailbox.receive(through: alias) ?? 0
                    mailbox.unalias(alias)
                }
                #expect(sum == 14_000)
                let first = try await mailbox.receive()
                #expect(first == 0)
            }
        }
    }

    @Test("an alias is no process: it is not alive, cannot be watched or ended, and takes no room of one")
    func noProcess() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                let alias = mailbox.alias()
                #expect(!alias.pid.isAlive)
                #expect(alias.pid.status == nil)
                #expect(test.runtime.processes() == [mailbox.ref.pid])
                alias.pid.kill()
                alias.pid.exit(.shutdown)
                let monitor = alias.pid.monitor()
                guard case .down(monitor, alias.pid, .noProcess) = try await mailbox.receiveInfo() else {
                    Issue.record("expected no process")
                    return
                }
                alias.send(1)
                let received = try await mailbox.receive()
                #expect(received == 1)
                alias.sendAfter(.seconds(1), 2)
                await test.advance(by: .seconds(2))
                let late = try await mailbox.receive(through: alias)
                #expect(late == 2)
                mailbox.unalias(alias)
                #expect(alias.send(3) == .noProcess)
            }
        }
    }

    @Test("the bound of the mailbox holds for its aliases")
    func bounded() async throws {
        try await withRuntime { test in
            let (aliases, gate) = (Record(ProcessRef<Int>.self), Gate())
            spawn(mailbox: .bounded(2, whenFull: .reject)) { (mailbox: inout Mailbox<Int>) in
                aliases.add(mailbox.alias())
                gate.passHoldingWorker()
            }
            await gate.arrived()
            let alias = aliases.all[0]
            let outcomes = (0..<4).map { alias.send($0) }
            #expect(outcomes == [.queued, .queued, .full, .full])
            gate.open()
        }
    }

    @Test("what came through an alias and was not received goes with it, skipped or queued (R4)")
    func takenBack() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                for _ in 0..<100 {
                    let alias = mailbox.alias()
                    let nothing = try await mailbox.receive(through: alias, timeout: .zero)
                    #expect(nothing == nil)
                    alias.send(-1)  // too late
                    mailbox.ref.send(1)
                    mailbox.unalias(alias)
                }
                let (alias, other) = (mailbox.alias(), mailbox.alias())
                alias.send(-2)
                other.send(2)
                let two = try await mailbox.receive(through: other)
                #expect(two == 2)
                #expect(mailbox.skipped.items.count == 101)
                mailbox.unalias(alias)
                #expect(mailbox.skipped.items.count == 100)
                for _ in 0..<100 {
                    let one = try await mailbox.receive()
                    #expect(one == 1)
                }
                let late = mailbox.alias()
                late.send(-3)
                mailbox.unalias(late)
                guard case .timeout = try await mailbox.receiveInfo(timeout: .zero) else {
                    Issue.record("expected nothing")
                    return
                }
                #expect(mailbox.unalias(late) == false)
            }
        }
    }

    @Test("a late reply to an alias that was turned off is never taken for the answer through a later one (R4)")
    func lateReply() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                for round in 0..<1_000 {
                    let old = mailbox.alias()
                    old.send(-1)  // between the timeout and the end of the alias
                    mailbox.unalias(old)
                    let new = mailbox.alias()
                    new.send(round)
                    let answer = try await mailbox.receive(through: new)
                    #expect(answer == round)
                    mailbox.unalias(new)
                }
            }
        }
    }
}
