// SPDX-License-Identifier: Apache-2.0
// Children whose `init` runs inside of their supervisor's: nobody can tell, but by the time it takes.

import Dispatch
import MartletTestKit
import Testing

@testable import Martlet

/// A child that does what the test says in `init`.
private struct Starter: GenServer {
    enum Call { case seven(From<Int>) }

    init(_ begin: @Sendable () throws -> Void) throws { try begin() }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .seven(let from): from.reply(7)
        }
    }
}

/// The same, and it suspends.
private struct AsyncStarter: AsyncGenServer {
    nonisolated(nonsending) init(_ begin: @Sendable () -> Void) async throws {
        await Task.yield()
        begin()
    }
}

/// A child's `init` arrives and waits there.
private final class Door: Sendable {
    private let arrived = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)

    func pass(isPolite: Bool) {
        let wait = { [self] in
            arrived.signal()
            opened.wait()
        }
        if isPolite { Runtime.blocking(wait) } else { wait() }
    }

    func open() { opened.signal() }

    func hasArrived() async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [arrived] in
                arrived.wait()
                continuation.resume()
            }
        }
    }
}

@Suite("Starts inside of the supervisor's", .timeLimit(.minutes(5)))
struct InnerStartTests {
    /// On threads: a deterministic run starts children in turns of their own.
    private static func run(workers: Int = 2, _ body: nonisolated(nonsending) (Runtime) async throws -> Void)
        async throws
    {
        var configuration = Runtime.Configuration()
        configuration.workers = workers
        let runtime = Runtime(configuration)
        try await runtime.withCurrent { try await body(runtime) }
        await runtime.shutdown()
        #expect(runtime.statistics.processes == 0)
    }

    @Test("a tree deeper than starts may be nested comes up in order, and goes down (R18)", arguments: [1, 2])
    func deep(workers: Int) async throws {
        try await Self.run(workers: workers) { _ in
            let order = _Locked<[Int]>([])
            @Sendable func level(_ depth: Int) -> [ChildSpec] {
                var children = [Starter.child({ order.withLock { $0.append(depth) } }, id: "leaf")]
                if depth < 50 { children.append(Supervisor.child("below") { level(depth + 1) }) }
                return children
            }
            let tree = try await Supervisor.start { level(0) }
            #expect(order.withLock { $0 } == Array(0...50))
            let counts = try await tree.counts()
            #expect(counts.active == 2)
            try await tree.stop(.shutdown)
        }
    }

    @Test("children that suspend, ask their elder siblings, are many or fail come up as before (R18)")
    func kinds() async throws {
        try await Self.run { _ in
            let elder: Starter.Name = "elder"
            let heard = _Locked<[Int]>([])
            let tree = try await Supervisor.start {
                Starter.child({}, name: elder)
                AsyncStarter.child({ heard.withLock { $0.append(1) } })
                Starter.child({ try heard.withLock { try $0.append(elder.call { .seven($0) }) } }, id: "asks")
                for index in 0..<2_000 { Starter.child({}, id: "\(index)") }
            }
            #expect(heard.withLock { $0 } == [1, 7])
            #expect(try await tree.counts().active == 2_003)
            try await tree.stop(.shutdown)
            await #expect(throws: StartError.self) {
                try await Supervisor.start {
                    Starter.child({}, id: "a")
                    Starter.child({ throw Failure() }, id: "b")
                }
            }
        }
    }

    @Test("a child that asks its supervisor in init is told that both wait (F15)")
    func cycle() async throws {
        try await Self.run { _ in
            let name: Supervisor.Name = "asked in init"
            let word = _Locked("")
            let tree = try await Supervisor.start(name: name) {
                Starter.child {
                    do throws(CallError) { _ = try name.call(timeout: nil) { .init(request: .counts($0)) } } catch {
                        word.withLock { $0 = "\(error.reason)" }
                    }
                }
            }
            #expect(word.withLock { $0 }.hasPrefix("cycle"))
            try await tree.stop(.shutdown)
        }
    }

    @Test("a kill of the supervisor is heard at once while a child blocks in init (R11)", arguments: [true, false])
    func killed(isPolite: Bool) async throws {
        try await Self.run { runtime in
            let door = Door()
            let name: Supervisor.Name = "killed in start"
            let starting = Task(executorPreference: runtime.executor) {
                try await Supervisor.start(name: name) {
                    Starter.child({}, id: "a")
                    Starter.child({ door.pass(isPolite: isPolite) }, id: "b")
                }
            }
            await door.hasArrived()
            let supervisor = try #require(name.ref)
            supervisor.pid.kill()
            #expect(await supervisor.pid.waitForExit(within: .seconds(30)))
            await #expect(throws: StartError.self) { try await starting.value }
            door.open()
        }
    }

    @Test("a start that has a time is over in time, though its child blocks in init")
    func timed() async throws {
        try await Self.run { _ in
            let door = Door()
            let options = StartOptions(timeout: .milliseconds(50))
            await #expect(throws: StartError.self) {
                try await Supervisor.start { Starter.child({ door.pass(isPolite: true) }, options: options) }
            }
            door.open()
        }
    }

    @Test("others are served while a child blocks in init, politely or not", arguments: [true, false])
    func others(isPolite: Bool) async throws {
        try await Self.run(workers: 1) { runtime in
            let door = Door()
            let other = try await Starter.start {}
            let starting = Task(executorPreference: runtime.executor) {
                try await Supervisor.start { Starter.child { door.pass(isPolite: isPolite) } }
            }
            await door.hasArrived()
            #expect(try await other.call(timeout: .seconds(30)) { .seven($0) } == 7)
            door.open()
            try await starting.value.stop(.shutdown)
            try await other.stop()
        }
    }

    @Test("supervisors killed while they start long lists, on several threads, leave nothing", .timeLimit(.minutes(5)))
    func storm() async throws {
        try await Self.run(workers: 3) { runtime in
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask(executorPreference: runtime.executor) {
                        let name = Supervisor.Name("storm \(worker)")
                        for round in 0..<1_000 {
                            let starting = Task(executorPreference: runtime.executor) {
                                try? await Supervisor.start(name: name) {
                                    for index in 0..<20 { Starter.child({}, id: "\(index)") }
                                    Supervisor.child("below") {
                                        for index in 0..<5 { Starter.child({}, id: "\(index)") }
                                    }
                                }
                            }
                            for _ in 0..<round % 7 { await Task.yield() }
                            name.ref?.pid.kill()
                            let tree = await starting.value
                            tree?.pid.kill()
                            _ = await tree?.pid.waitForExit(within: nil)
                        }
                    }
                }
            }
        }
    }
}
