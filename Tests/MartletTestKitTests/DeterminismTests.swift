// SPDX-License-Identifier: Apache-2.0
// Same seed, same run (F27).

import Martlet
import Testing

@testable import MartletTestKit

/// Asks a counter, answers later, arms timers: a server whose messages race.
private struct Racer: GenServer {
    enum Call { case ask(From<Int>), later(From<Int>) }
    enum Cast { case add(Int) }
    typealias Message = Int

    private let counter: Counter.Ref
    private var waiting: [From<Int>] = []
    private var sum = 0

    init(_ counter: Counter.Ref) { self.counter = counter }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .ask(let from):
            counter.cast(.add(sum))
            return from.reply(sum)
        case .later(let from):
            waiting.append(from)
            Self.current.sendAfter(.milliseconds(sum % 7), 1)
            return .wait
        }
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        if case .add(let n) = cast { sum += n }
        return .wait
    }

    mutating func handleInfo(_ info: Info<Int>) -> Next {
        if !waiting.isEmpty { _ = waiting.removeFirst().reply(sum) }
        return .wait
    }
}

/// Some of everything: calls, casts, timers, a raw process, a kill, tasks.
private func mixture(_ test: TestRuntime) async throws -> UInt64 {
    let counter = try await Counter.start(0)
    let racers = try await [Racer.start(counter), Racer.start(counter), Racer.start(counter)]
    let probe = Probe(Int.self)
    await withTaskGroup(of: Void.self) { group in
        for (index, racer) in racers.enumerated() {
            group.addTask {
                for n in 0..<5 {
                    racer.cast(.add(n * index))
                    _ = try? await racer.call(timeout: .milliseconds(3)) { .later($0) }
                    _ = try? await racer.call { .ask($0) }
                    probe.ref.send(n)
                }
            }
        }
        group.addTask {
            try? await test.clock.sleep(for: .milliseconds(4))
            racers[1].pid.kill()
        }
    }
    for _ in 0..<15 { _ = try await probe.expect() }
    return test.trace
}

@Suite("Determinism")
struct DeterminismTests {
    @Test("the same seed has the same trace, 1,000 of 1,000 (F27)")
    func same() async throws {
        let first = try await withTestRuntime(seed: 42, mixture)
        var others = 0
        for _ in 0..<1_000 { others += try await withTestRuntime(seed: 42, mixture) == first ? 0 : 1 }
        #expect(others == 0)
    }

    @Test("different seeds have different traces")
    func different() async throws {
        var traces: Set<UInt64> = []
        for seed in 0..<200 { traces.insert(try await withTestRuntime(seed: UInt64(seed), mixture)) }
        #expect(traces.count == 200)
    }
}
