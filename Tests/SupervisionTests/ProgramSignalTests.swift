// SPDX-License-Identifier: Apache-2.0
// Real signals to a program that runs in an OS process of its own. What they do to the tree, step by step:
// ApplicationTests.swift.

import Glibc
import MartletTestKit
import Testing

@testable import Martlet

private let journal = Journal()

/// Two workers, or one and a process that does not end when it is told to.
private struct SignalledProgram: Application {
    var isStubborn = false
    var stopDeadline: Duration { .seconds(600) }

    var children: [ChildSpec] {
        Worker.child("a", journal)
        if isStubborn {
            ChildSpec.stubborn(journal)
        } else {
            Worker.child("b", journal)
        }
    }

    func didStop() async { journal.note("did stop") }
}

/// Whether the tree has started: a signal before that ends the start.
private var isUp: Bool {
    Runtime.shared.processes().contains { pid in
        guard let status = pid.status, case .waiting = status.activity else { return false }
        return status.label == "SignalledProgram"
    }
}

@Suite("Signals of a program", .timeLimit(.minutes(5)))
struct ProgramSignalTests {
    /// Runs a program, sends a signal when its children run, and ends this OS process with 0 if the tree stopped in order.
    private static func stopInOrder(by number: Int32) async throws -> Never {
        let running = Task { try await SignalledProgram().run() }
        try await eventually(within: .seconds(60)) { journal.all.count == 2 && isUp }
        kill(getpid(), number)
        try await running.value
        exit(journal.all == ["+a", "+b", "-b", "-a", "did stop"] ? 0 : 3)
    }

    @Test("SIGTERM stops the tree in reverse order, and run returns (S46)")
    func terminate() async {
        await #expect(processExitsWith: .success) { try await Self.stopInOrder(by: SIGTERM) }
    }

    @Test("SIGINT does the same")
    func interrupt() async {
        await #expect(processExitsWith: .success) { try await Self.stopInOrder(by: SIGINT) }
    }

    @Test("a second signal kills what does not stop, long before the deadline")
    func twice() async {
        await #expect(processExitsWith: .success) {
            let running = Task { try await SignalledProgram(isStubborn: true).run() }
            try await eventually(within: .seconds(60)) { journal.all.count == 2 && isUp }
            kill(getpid(), SIGTERM)
            try await eventually(within: .seconds(60)) { journal.all.count == 3 }
            kill(getpid(), SIGINT)
            do { try await running.value } catch let end as ExitSignal {
                if case .killed = end.reason, journal.all.last == "did stop" { exit(0) }
            }
            exit(3)
        }
    }

    @Test("when run has returned, the signals end the OS process again")
    func afterwards() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            let running = Task { try await SignalledProgram().run() }
            try await eventually(within: .seconds(60)) { journal.all.count == 2 && isUp }
            kill(getpid(), SIGINT)
            try await running.value
            kill(getpid(), SIGTERM)
            try await eventually(within: .seconds(60)) { false }
        }
    }
}
