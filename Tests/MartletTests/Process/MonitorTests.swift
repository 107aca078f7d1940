// SPDX-License-Identifier: Apache-2.0
// Monitors: one DOWN for each, with the reason, and none after it was given up.

import Testing

@testable import Martlet

@Suite("Monitors", .timeLimit(.minutes(5)))
struct MonitorTests {
    @Test("a monitor says once why the process ended, others are not touched", .tags(.parity))
    func down() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Never.self) { mailbox in
                for (reason, text) in [
                    (ExitReason.normal, "normal"), (.shutdown, "shutdown"), (.shutdownWith(3), "shutdown (Int)"),
                    (.error(Failure()), "error (Failure)"),
                ] {
                    let process = LinkTests.waiting()
                    let monitor = process.pid.monitor()
                    process.send(reason)
                    guard case .down(monitor, process.pid, let told) = try await mailbox.receiveInfo() else {
                        Issue.record("expected the end of \(process.pid)")
                        return
                    }
                    #expect("\(told)" == text)
                    #expect(!monitor.cancel())
                }
            }
        }
    }

    @Test("a monitor of a process that has ended says so at once", .tags(.parity))
    func noProcess() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Never.self) { mailbox in
                let process = LinkTests.waiting()
                process.pid.kill()
                await eventually { !process.pid.isAlive }
                let monitor = process.pid.monitor()
                guard case .down(monitor, process.pid, .noProcess) = try await mailbox.receiveInfo() else {
                    Issue.record("expected no process")
                    return
                }
            }
        }
    }

    @Test("each monitor is one of its own, and a name that leads nowhere is down at once", .tags(.parity))
    func several() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Never.self) { mailbox in
                let process = LinkTests.waiting()
                let monitors = (0..<3).map { _ in process.pid.monitor() }
                #expect(Set(monitors).count == 3)
                #expect(monitors[1].cancel())
                #expect(!monitors[1].cancel())
                process.send(.normal)
                var heard: Set<MonitorRef> = []
                for _ in 0..<2 {
                    if case .down(let monitor, _, _) = try await mailbox.receiveInfo() { heard.insert(monitor) }
                }
                #expect(heard == [monitors[0], monitors[2]])

                let name: Counter.Name = "nobody"
                let monitor = name.monitor()
                guard case .down(monitor, .none, .noProcess) = try await mailbox.receiveInfo() else {
                    Issue.record("expected no process")
                    return
                }
            }
        }
    }

    @Test("cancel takes the news out of the mailbox; what others sent stays (demonitor with flush)", .tags(.parity))
    func flush() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                let process = LinkTests.waiting()
                let monitor = process.pid.monitor()
                mailbox.ref.send(1)
                process.pid.kill()
                await eventually { !_Post.isThere(process.pid.raw) }
                mailbox.ref.send(2)
                #expect(!monitor.cancel())
                let received = (try await mailbox.receive(), try await mailbox.receive())
                #expect(received == (1, 2))
                guard case .timeout = try await mailbox.receiveInfo(timeout: .zero) else {
                    Issue.record("the news of a cancelled monitor came")
                    return
                }
            }
        }
    }

    @Test("cancel and unlink take back what a selective receive has passed over")
    func flushSkipped() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                mailbox.trapsExits = true
                let (given, kept) = (LinkTests.waiting(), LinkTests.waiting())
                let monitors = [given.pid.monitor(), kept.pid.monitor()]
                for process in [given, kept] {
                    process.pid.link()
                    process.pid.kill()
                    await eventually { !_Post.isThere(process.pid.raw) }
                }
                mailbox.ref.send(1)
                let received = try await mailbox.receive()
                #expect(received == 1)
                #expect(!monitors[0].cancel())
                given.pid.unlink()
                var heard: [Pid] = []
                while true {
                    switch try await mailbox.receiveInfo(timeout: .zero) {
                    case .down(let monitor, let pid, .killed):
                        #expect(monitor == monitors[1])
                        heard.append(pid)
                    case .exit(let pid, .killed): heard.append(pid)
                    case .timeout:
                        #expect(heard == [kept.pid, kept.pid])
                        return
                    case let other: Issue.record("\(other)")
                    }
                }
            }
        }
    }

    @Test("news that was passed over and given up is not kept")
    func skippedIsPruned() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                for number in 0..<500 {
                    let (child, monitor) = spawnMonitor(Never.self) { _ in }
                    await eventually { !_Post.isThere(child.pid.raw) }
                    mailbox.ref.send(number)
                    let received = try await mailbox.receive()
                    #expect(received == number)
                    monitor.cancel()
                }
                #expect(mailbox.skipped.items.count <= 16)
            }
        }
    }

    @Test("news stays queued while messages are received, in its place")
    func selective() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                let (child, monitor) = spawnMonitor(Never.self) { _ in }
                await eventually { !_Post.isThere(child.pid.raw) }
                mailbox.ref.send(1)
                let received = try await mailbox.receive()
                #expect(received == 1)
                guard case .down(monitor, child.pid, .normal) = try await mailbox.receiveInfo() else {
                    Issue.record("expected the end of the child")
                    return
                }
            }
        }
    }

    @Test("the end comes after all that the process sent (R5)", .tags(.parity))
    func order() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Int.self) { mailbox in
                let target = mailbox.ref
                for _ in 0..<200 {
                    let (child, monitor) = spawnMonitor(Never.self) { _ in
                        for number in 0..<5 { target.send(number) }
                        throw Failure()
                    }
                    for number in 0..<5 {
                        guard case .message(number) = try await mailbox.receiveInfo() else {
                            Issue.record("the end of a process came before what it had sent")
                            return
                        }
                    }
                    guard case .down(monitor, child.pid, .error) = try await mailbox.receiveInfo() else {
                        Issue.record("expected the end of the child")
                        return
                    }
                }
            }
        }
    }

    @Test("servers watch and are watched: handleInfo gets the news, a name is free before (R12)", .tags(.parity))
    func servers() async throws {
        try await withRuntime { test in
            let record = Record(String.self)
            let name: Desk.Name = "watched"
            let watched = try await Desk.begin(name: name)
            let watcher = try await Desk.begin {
                $0.info = { _, info in
                    if case .down(_, let pid, let reason) = info {
                        record.add("\(pid == watched.pid) \(reason) \(name.ref == nil)")
                    }
                    return .wait
                }
            }
            watcher.tell { _ in
                _ = watched.monitor()
                return .wait
            }
            _ = try await watcher.call { .seen($0) }
            watched.tell { _ in throw Failure() }
            await eventually { record.count == 1 }
            #expect(record.all == ["true error (Failure) true"])
            try await watcher.stop()
        }
    }

    @Test("100,000 monitors on one process all speak, once", .tags(.stress))
    func many() async throws {
        try await withRuntime { test in
            try await withProcess(receiving: Never.self) { mailbox in
                let process = LinkTests.waiting()
                for _ in 0..<100_000 { _ = process.pid.monitor() }
                process.pid.kill()
                for _ in 0..<100_000 {
                    guard case .down(_, process.pid, .killed) = try await mailbox.receiveInfo() else {
                        Issue.record("expected the end")
                        return
                    }
                }
                guard case .timeout = try await mailbox.receiveInfo(timeout: .zero) else {
                    Issue.record("a monitor spoke twice")
                    return
                }
            }
        }
    }
}
