// SPDX-License-Identifier: Apache-2.0
// A tree among services, and services in a tree.

import Logging
import Martlet
import MartletServiceLifecycle
import MartletTestKit
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

/// A server that notes its end.
private struct Noting: GenServer {
    enum Cast { case fail }
    struct Failure: Error {}

    let notes: Notes
    init(_ notes: Notes) {
        self.notes = notes
        notes.add("started")
    }
    mutating func handleCast(_ cast: Cast) throws -> Next { throw Failure() }
    mutating func terminate(_ reason: ExitReason) { notes.add("terminated: \(reason)") }
}

final class Notes: Sendable {
    private let stream: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation
    init() { (stream, continuation) = AsyncStream.makeStream() }
    func add(_ note: String) { continuation.yield(note) }
    /// The next one, whenever it comes.
    func next() async -> String? {
        for await note in stream { return note }
        return nil
    }
}

/// A service that fails so many times and then runs until a graceful shutdown.
private struct Shaky: Service {
    struct Failure: Error {}
    let notes: Notes
    let fails: Bool

    func run() async throws {
        notes.add(fails ? "fails" : "runs")
        if fails { throw Failure() }
        try await gracefulShutdown()
        notes.add("shut down gracefully")
    }
}

@Suite("Service lifecycle", .timeLimit(.minutes(5)))
struct TreeServiceTests {
    @Test("a graceful shutdown stops the tree in order, and run returns")
    func graceful() async throws {
        let (notes, runtime) = (Notes(), Runtime())
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await TreeService(on: runtime) { Noting.child(notes) }.run() }
                #expect(await notes.next() == "started")
                try await treeIsUp(in: runtime)
                trigger.triggerGracefulShutdown()
                #expect(await notes.next() == "terminated: shutdown")
                try await group.waitForAll()
            }
        }
        await runtime.shutdown()
    }

    /// A shutdown before that ends the start.
    private func treeIsUp(in runtime: Runtime) async throws {
        try await eventually(within: .seconds(60)) {
            runtime.processes().contains { pid in
                guard let status = pid.status, case .waiting = status.activity else { return false }
                return status.type == "Supervisor"
            }
        }
    }

    @Test("a shutdown while the tree is being started ends the start, and run returns")
    func shutdownAtStart() async throws {
        let notes = Notes()
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await TreeService {
                        ChildSpec(id: "hangs") {
                            notes.add("hangs")
                            // Until it is cancelled.
                            let (never, continuation) = AsyncStream<Void>.makeStream()
                            for await _ in never {}
                            continuation.finish()
                            throw Shaky.Failure()
                        }
                    }.run()
                }
                #expect(await notes.next() == "hangs")
                trigger.triggerGracefulShutdown()
                try await group.waitForAll()
            }
        }
    }

    @Test("a cancelled service stops its tree as well")
    func cancelled() async throws {
        let (notes, runtime) = (Notes(), Runtime())
        let running = Task { try await TreeService(on: runtime) { Noting.child(notes) }.run() }
        #expect(await notes.next() == "started")
        try await treeIsUp(in: runtime)
        running.cancel()
        #expect(await notes.next() == "terminated: shutdown")
        try await running.value
        await runtime.shutdown()
    }

    @Test("a deadline that kills a part of the tree ends run with .killed, also in a runtime of its own")
    func deadline() async throws {
        let (notes, runtime) = (Notes(), Runtime())
        let service = TreeService(deadline: .milliseconds(50), on: runtime) {
            ChildSpec(id: "stubborn", shutdown: .infinity) {
                spawnLink(Int.self) { mailbox in
                    mailbox.trapsExits = true
                    notes.add("started")
                    while true { _ = try await mailbox.receiveInfo() }
                }.pid
            }
        }
        let running = Task { try await service.run() }
        #expect(await notes.next() == "started")
        try await treeIsUp(in: runtime)
        running.cancel()
        let error = await #expect(throws: ExitSignal.self) { try await running.value }
        guard case .killed? = error?.reason else { Issue.record("\(String(describing: error))"); return }
        await runtime.shutdown()
    }

    @Test("a tree that does not start ends run with the start's error")
    func doesNotStart() async throws {
        await #expect(throws: StartError.self) {
            try await TreeService { ChildSpec(id: "a") { throw Shaky.Failure() } }.run()
        }
    }

    @Test("a service in a tree is started again when it fails, and told to shut down gracefully")
    func supervised() async throws {
        let notes = Notes()
        let starts = _Locked(0)
        let tree = try await Supervisor.start {
            ChildSpec(id: "shaky") {
                let count = starts.withLock { starts in
                    starts += 1
                    return starts
                }
                return Shaky(notes: notes, fails: count < 3)
            }
        }
        for expected in ["fails", "fails", "runs"] { #expect(await notes.next() == expected) }
        try await tree.stop(.shutdown)
        #expect(await notes.next() == "shut down gracefully")
    }

    @Test("a service that returns ends its process normally: a transient one is not started again")
    func returns() async throws {
        struct Brief: Service {
            let notes: Notes
            func run() async throws { notes.add("ran") }
        }
        let notes = Notes()
        let tree = Supervisor.Argument(autoShutdown: .anySignificant) {
            ChildSpec(id: "brief", restart: .transient) { Brief(notes: notes) }.with { $0.isSignificant = true }
        }
        // Returns: the tree ends in order, however soon.
        try await TreeService(tree).run()
        #expect(await notes.next() == "ran")
    }
}
