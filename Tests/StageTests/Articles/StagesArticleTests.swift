// SPDX-License-Identifier: Apache-2.0
// The examples of Stages.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

struct Numbers: Stage {
    typealias Output = Int
    static let name: Name = "numbers"
    private var next = 0

    init(_: Void) {}

    mutating func handleDemand(_ count: Int, _ out: inout Emitter<Int>) -> Next {
        out.emit(contentsOf: next..<next + count)
        next += count
        return .wait
    }
}

struct Squares: Stage {
    typealias Input = Int
    typealias Output = String

    init(_: Void) { Self.current.subscribe(to: Numbers.name, demand: 10...100) }

    mutating func handleDemand(_ count: Int, _ out: inout Emitter<String>) -> Next { .wait }

    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<String>) -> Next {
        for event in events { out.emit("\(event * event)") }
        return .wait
    }
}

@Suite("Stages.md")
struct StagesArticleTests {
    @Test("a loop reads the squares of as many numbers as it takes (S45)")
    func pipeline() async throws {
        try await withTestRuntime { test async throws in
            let numbers = try await Numbers.start(name: Numbers.name)
            let squares = try await Squares.start()
            var read: [String] = []
            try await withTimeLimit(squares, &read)
            #expect(read.prefix(4) == ["0", "1", "4", "9"])
            let statistics = numbers.stageStatistics()  // emitted, delivered, buffered, dropped, lost, handled
            #expect((statistics?.emitted ?? 0) >= read.count && statistics?.dropped == 0)
            await test.clock.runUntilIdle()
            for stage in [squares.pid, numbers.pid] { stage.exit(.shutdown) }
            await test.settle()
        }
    }

    /// Until the pipeline is ended from outside.
    private func withTimeLimit(_ squares: Squares.Ref, _ read: inout [String]) async throws {
        let ender = Tasks.start {
            for _ in 0..<50 { await Task.yield() }
            squares.pid.exit(.shutdown)
        }
        for try await square in squares.events(demand: 1...10) { read.append(square) }
        _ = try await ender.waitForExit()
    }
}
