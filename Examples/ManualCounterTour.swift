// SPDX-License-Identifier: Apache-2.0
// The counter by hand at work: what it answers, what a late reply does, how its end is heard of. Only a process has a
// mailbox to be answered in; for these lines, the task that runs them is one (`withProcess`).

import Martlet

func manualTour(output: Output = terminal) async throws {
    try await withProcess(receiving: Int.self) { mailbox in
        let counter = ManualCounter.startLink(0)
        output("\(try await ManualCounter.increment(counter, &mailbox) ?? -1)")  // 1
        output("\(try await ManualCounter.increment(counter, &mailbox) ?? -1)")  // 2
        output("\(try await ManualCounter.get(counter, &mailbox) ?? -1)")  // 2
        counter.send(.stop)
    }
}

/// A client that gave up once is one answer behind for ever; with aliases it is not.
///
/// Takes 12 seconds.
func lateReplyTour(output: Output = terminal) async throws {
    func text(_ answer: Int?) -> String { answer.map { "\($0)" } ?? "no answer" }

    try await withProcess(receiving: Int.self) { mailbox in
        let counter = ManualCounter.start(7)
        counter.send(.work(.seconds(6)))
        let first = try await ManualCounter.askWithoutAlias(counter, &mailbox) { .get(replyTo: $0) }
        output("without: get is \(text(first))")
        for _ in 1...2 {
            let answer = try await ManualCounter.askWithoutAlias(counter, &mailbox) { .increment(replyTo: $0) }
            output("without: increment is \(text(answer))")
        }
        counter.send(.stop)
    }
    try await withProcess(receiving: Int.self) { mailbox in
        let counter = ManualCounter.start(7)
        counter.send(.work(.seconds(6)))
        output("alias: get is \(text(try await ManualCounter.get(counter, &mailbox)))")
        for _ in 1...2 {
            output("alias: increment is \(text(try await ManualCounter.increment(counter, &mailbox)))")
        }
        counter.send(.stop)
    }
}

/// How an end is heard of.
///
/// A monitor tells of any. A link takes along whoever does not trap exits.
func manualEndsTour(output: Output = terminal) async throws {
    try await withProcess(receiving: Int.self) { mailbox in
        let watched = ManualCounter.start()
        let watch = watched.pid.monitor()
        watched.send(.stop)
        if case .down(watch, watched.pid, let reason) = try await mailbox.receiveInfo() {
            output("monitor: \(reason)")  // normal
        }
        _ = watched.pid.monitor()
        if case .down(_, _, let reason) = try await mailbox.receiveInfo() {
            output("monitor of one that is gone: \(reason)")  // no process
        }

        mailbox.trapsExits = true  // or the kill would end this process too
        let linked = ManualCounter.startLink()
        linked.pid.kill()
        if case .exit(linked.pid, let reason) = try await mailbox.receiveInfo() {
            output("trapped exit: \(reason)")  // killed
        }
    }

    try await withProcess(receiving: ManualCounter.Ref.self) { mailbox in
        let home = mailbox.ref
        let parent = spawn { mailbox in
            home.send(ManualCounter.startLink())
            throw try await mailbox.receive() as OutOfMoney
        }
        let child = try await mailbox.receive()
        _ = child.pid.monitor()
        parent.send(OutOfMoney())
        if case .down(_, _, let reason) = try await mailbox.receiveInfo() {
            output("linked with one that failed: \(reason)")  // error (OutOfMoney)
        }
    }
}

private struct OutOfMoney: Error {}
