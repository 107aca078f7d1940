// SPDX-License-Identifier: Apache-2.0
// A process for each item, a few at a time.

import MartletTestKit
import Testing

@testable import Martlet

/// How many are inside at once, at most.
private final class Inside: Sendable {
    private let counts = _Locked((now: 0, most: 0, all: 0))
    func enter() {
        counts.withLock {
            $0.now += 1
            $0.all += 1
            $0.most = max($0.most, $0.now)
        }
    }
    func leave() { counts.withLock { $0.now -= 1 } }
    var most: Int { counts.withLock { $0.most } }
    var all: Int { counts.withLock { $0.all } }
}

@Suite("TaskStream")
struct TaskStreamTests {
    @Test("results come in the order of the items, at most so many processes at once")
    func ordered() async throws {
        try await withTestRuntime { test async throws in
            let inside = Inside()
            let stream = Tasks.stream(1...20, concurrency: 4) { [clock = test.clock] n in
                inside.enter()
                try await clock.sleep(for: .milliseconds(21 - n))
                inside.leave()
                return n * n
            }
            #expect(inside.all == 0)
            #expect(await words(of: stream) == (1...20).map { "\($0 * $0)" })
            #expect(inside.most == 4)
            // Each loop anew.
            #expect(await words(of: stream).count == 20)
            await test.settle()
        }
    }

    @Test("unordered results come as they are done")
    func unordered() async throws {
        try await withTestRuntime { test async throws in
            let stream = Tasks.stream([30, 10, 20], concurrency: 3, ordered: false) { [clock = test.clock] n in
                try await clock.sleep(for: .milliseconds(n))
                return n
            }
            #expect(await words(of: stream) == ["10", "20", "30"])
            await test.settle()
        }
    }

    @Test("an item that throws, is killed or takes too long is a failure of that item")
    func failures() async throws {
        try await withTestRuntime { test async throws in
            let stream = Tasks.stream(0..<4, concurrency: 2, timeout: .milliseconds(10)) { [clock = test.clock] n in
                switch n {
                case 0: throw Failure()
                case 1:
                    Pid.current?.kill()
                    try await clock.sleep(for: .seconds(9))
                case 2: try await clock.sleep(for: .seconds(9))
                default: break
                }
                return n
            }
            #expect(
                await words(of: stream) == ["exited: error (Failure)", "exited: killed", "timeout", "3"])
            await test.clock.runUntilIdle()
            await test.settle()
        }
    }

    @Test("never more results ahead of the reader than processes at once; a slow reader loses none")
    func readAhead() async throws {
        try await withTestRuntime { test async throws in
            let inside = Inside()
            let stream = Tasks.stream(0..<9, concurrency: 3, timeout: .seconds(1)) { n in
                inside.enter()
                return n
            }
            var read = 0
            for await result in stream {
                #expect(await word { try result.get() } == "\(read)")
                read += 1
                // Longer than what nobody takes is kept otherwise.
                await test.clock.advance(by: .seconds(200))
                #expect(inside.all <= read + 3)
            }
            #expect(read == 9)
            await test.settle()
        }
    }

    @Test("leaving the loop ends the processes")
    func left() async throws {
        try await withTestRuntime { test async throws in
            let lives = Lives()
            for await result in Tasks.stream(
                0..<100, concurrency: 5,
                { [clock = test.clock] n in
                    if n > 1 { try await clock.sleep(for: .seconds(100)) }
                    return Tracked(n, lives)
                })
            {
                if case .success(let value) = result, value.number == 1 { break }
            }
            await test.clock.runUntilIdle()
            #expect(lives.alive == 0)
            await test.settle()
        }
    }

    @Test("cancelling the task of the loop ends it, and the processes")
    func cancelled() async throws {
        try await withTestRuntime { test async throws in
            let count = await withTaskGroup(of: Int.self) { group in
                group.addTask {
                    var count = 0
                    for await _ in Tasks.stream(
                        0..., concurrency: 5,
                        { [clock = test.clock] n in
                            try await clock.sleep(for: .milliseconds(n < 7 ? 0 : 1_000))
                            return n
                        })
                    { count += 1 }
                    return count
                }
                await test.clock.advance(by: .milliseconds(100))
                group.cancelAll()
                return await group.reduce(0, +)
            }
            #expect(count == 7)
            await test.clock.runUntilIdle()
            await test.settle()
        }
    }

    @Test("a process whose result there is no memory to wait for is ended, and its item a failure")
    func noMemory() async {
        await #expect(processExitsWith: .success) {
            try await withTestRuntime { test async throws in
                // The stock of slots and nodes first.
                for await _ in Tasks.stream(0..<4, concurrency: 4, { $0 }) {}
                let stream = Tasks.stream(0..<1, timeout: nil) { [clock = test.clock] n in
                    try await clock.sleep(for: .seconds(100))
                    return n
                }
                var iterator = stream.makeAsyncIterator()
                _CoreMemory.beginRefusing()
                let result = await iterator.next()
                _CoreMemory.endRefusing()
                guard case .failure(.exited)? = result else {
                    preconditionFailure("expected a failure, got \(result as Any)")
                }
                await test.clock.runUntilIdle()
                precondition(test.processes.isEmpty, "expected no process, got one")
                _ = iterator
            }
        }
    }
}
