// SPDX-License-Identifier: Apache-2.0
// What a suspended callback is and costs: not reentrant, no thread, still the process wherever it goes.

import Foundation
import Testing

@testable import Martlet

@Suite("Suspended callbacks", .timeLimit(.minutes(5)))
struct AsyncSuspensionTests {
    @Test("while a callback is suspended the process handles nothing else")
    func notReentrant() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin()
            server.tell { state in
                state.seen.append(1)
                try await gate.pass()
                state.seen.append(2)
                return .wait
            }
            await gate.arrived()
            for number in 3..<10 { server.cast(.note(number)) }
            server.send(10)
            let seen = Task { try await server.call { .seen($0) } }
            await test.settle()
            await test.advance(by: .seconds(1))
            gate.open()
            #expect(try await seen.value == Array(1...10))
        }
    }

    @Test("10,000 suspended callbacks hold no thread, and all go on", .tags(.stress))
    func noThread() async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            var servers: [AsyncDesk.Ref] = []
            for _ in 0..<10_000 { servers.append(try await AsyncDesk.begin()) }
            await test.settle()
            let threads = Self.threads
            for server in servers {
                server.tell { state in
                    try await gate.pass()
                    state.seen.append(1)
                    return .wait
                }
            }
            await gate.arrived(10_000)
            await test.settle()
            // Of this OS process, in which other tests run.
            #expect(Self.threads < threads + 1_000)
            gate.open(10_000)
            for server in servers { #expect(try await server.call { .seen($0) } == [1]) }
        }
    }

    private static var threads: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
    }

    @Test("a burst of messages is one task, and an idle server has none: the next one's carries it on")
    func oneTask() async throws {
        try await withRuntime(workers: 1) { test in
            let gate = AsyncGate()
            let servers = try await [AsyncDesk.begin(), AsyncDesk.begin()]
            let record = Record(Int.self)
            for server in servers {
                await server.hold(at: gate)
                for _ in 0..<1_000 {
                    server.tell { _ in
                        record.add(_Threads.currentTaskID)
                        return .wait
                    }
                }
                gate.open(2)
                await test.settle()
            }
            #expect(record.count == 2_000)
            #expect(Set(record.all).count == 1)
        }
    }

    @Test("carriers that wait for work end with the runtime, and one whose process was killed by itself", .tags(.leak))
    func carriersEnd() async throws {
        final class Seen: Sendable {
            let carriers = _Locked<[Weak]>([])
            var alive: Int { carriers.withLock { $0.count { $0.carrier != nil } } }
        }
        struct Weak: @unchecked Sendable {  // written before it is shared
            weak var carrier: _Carrier?
        }
        let seen = Seen()
        let gate = AsyncGate()
        try await withRuntime { test in
            for index in 0..<100 {
                let server = try await AsyncDesk.begin()
                server.tell { _ in
                    seen.carriers.withLock { $0.append(Weak(carrier: _CurrentProcess.carrier)) }
                    try await gate.pass()
                    return .wait
                }
                await gate.arrived(index + 1)
                if index >= 50 { server.pid.kill() }
            }
            await eventually { seen.alive == 50 }
            gate.open(50)
            await test.settle()
        }
        #expect(seen.carriers.withLock { $0.count } == 100)
        await eventually { seen.alive == 0 }
    }

    @Test("execution is ignored: a call runs in a task of the runtime, whoever makes it")
    func executionIgnored() async throws {
        try await withRuntime { test in
            let server = try await AsyncScripted<InPlace>.begin()
            let runtime = test.runtime
            let isOnWorker = await onThread {
                try? server.call { .ask($0) { _, from in from.reply(Runtime.ofThread === runtime ? 1 : 0) } }
            }
            #expect(isOnWorker == 1)
        }
    }

    @Test("two async servers call each other and other servers with a plain await")
    func relay() async throws {
        try await withRuntime(workers: 1) { _ in
            let counter = try await Counter.start(0)
            let far = try await AsyncDesk.begin()
            let near = try await AsyncDesk.begin()
            let answers = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let answer = try? await near.ask { _, from in
                            let count = try await far.ask { _, from in
                                from.reply(try await counter.call { .increment(by: 1, $0) })
                            }
                            return from.reply(count)
                        }
                        return answer ?? -1
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.sorted() == Array(1...50))
        }
    }

    /// Somewhere else to run.
    actor Elsewhere {
        var visitors: [Pid?] = []
        func visit() async -> Pid? {
            visitors.append(Pid.current)
            await Task.yield()
            return Pid.current
        }
    }

    @MainActor private static func onMain() -> (Pid?, Runtime) { (Pid.current, Runtime.current) }
    @concurrent private static func concurrently() async -> (Pid?, Runtime) {
        await Task.yield()
        return (Pid.current, Runtime.current)
    }

    @Test("the process, the server and the runtime are the current ones in all that a callback awaits, on any executor")
    func current() async throws {
        try await withRuntime { test in
            let elsewhere = Elsewhere()
            let server = try await AsyncDesk.begin()
            let runtime = test.runtime
            let record = Record((String, Bool).self)
            for _ in 0..<3 {
                _ = try await server.ask { _, from in
                    func note(_ place: String, _ pid: Pid?, _ current: Runtime) {
                        record.add((place, pid == server.pid && current === runtime))
                    }
                    note("handler", Pid.current, Runtime.current)
                    let (pid, current) = await Self.onMain()
                    note("main actor", pid, current)
                    note("after it", Pid.current, Runtime.current)
                    note("actor", await elsewhere.visit(), Runtime.current)
                    let (second, there) = await Self.concurrently()
                    note("concurrent function", second, there)
                    note("server", AsyncDesk.current.pid, Runtime.current)
                    return from.reply(1)
                }
            }
            #expect(record.count == 18)
            for (place, isRight) in record.all { #expect(isRight, "\(place)") }
        }
    }

    @Test("tasks that a callback creates are not the process: async let, groups, unstructured ones")
    func notInTasks() async throws {
        try await withRuntime { test in
            let server = try await AsyncDesk.begin()
            let record = Record(Pid?.self)
            _ = try await server.ask { _, from in
                @concurrent func look() async -> Pid? { Pid.current }
                async let child = look()
                record.add(await child)
                record.add(await Task { Pid.current }.value)
                record.add(await Task.detached { Pid.current }.value)
                await withTaskGroup(of: Pid?.self) { group in
                    group.addTask { Pid.current }
                    for await pid in group { record.add(pid) }
                }
                return from.reply(1)
            }
            #expect(record.all == [nil, nil, nil, nil])
        }
    }

    @Test("what a callback does to its task is not seen by the next process: cancellation, task-local values")
    func nothingLeaks() async throws {
        try await withRuntime(workers: 1) { _ in
            let record = Record()
            for round in 0..<20 {
                let culprit = try await AsyncDesk.begin()
                let victim = try await AsyncDesk.begin()
                _ = try await culprit.ask { _, from in
                    if round.isMultiple(of: 2) { await Task.yield() }
                    unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                    return from.reply(1)
                }
                _ = try await victim.ask { _, from in
                    if Task.isCancelled { record.add("cancelled") }
                    return from.reply(1)
                }
            }
            #expect(record.all == [])
        }
    }

    @Test("a server with many messages yields to others (F17)")
    func fairness() async throws {
        try await withRuntime(workers: 1) { test in
            let gate = AsyncGate()
            let busy = try await AsyncDesk.begin()
            let other = try await AsyncDesk.begin()
            let record = Record(Int.self)
            await busy.hold(at: gate)
            for number in 0..<10_000 {
                busy.tell { state in
                    if number == 0 {
                        other.tell { _ in
                            record.add(-1); return .wait
                        }
                    }
                    record.add(number)
                    return .wait
                }
            }
            gate.open()
            await eventually { record.count == 10_001 }
            #expect((record.all.firstIndex(of: -1) ?? 10_000) < 1_000)
        }
    }

    @Test(
        "a bounded mailbox: its policy holds, its memory too, and room is given back when a message is begun",
        arguments: [MailboxPolicy.Overflow.reject, .dropNewest, .dropOldest])
    func bounded(_ overflow: MailboxPolicy.Overflow) async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let server = try await AsyncDesk.begin(
                options: StartOptions(mailbox: .bounded(2, whenFull: overflow)))
            await server.hold(at: gate)
            // The suspended one has left the mailbox: two more fit.
            let outcomes = (0..<4).map { server.cast(.note($0)) }
            #expect(outcomes[0] == .queued && outcomes[1] == .queued)
            #expect(outcomes[2] != .queued && outcomes[3] != .queued)
            gate.open()
            await test.settle()
            let expected = overflow == .dropOldest ? [2, 3] : [0, 1]
            #expect(try await server.call { .seen($0) } == expected)
            _ = try await server.castWaiting(.note(9))
            #expect(try await server.call { .seen($0) } == expected + [9])
        }
    }
}
