// SPDX-License-Identifier: Apache-2.0
// `stage` on the pool: numbers are made, squared and summed in three stages.

import Martlet
import MartletBenchCore

/// Makes numbers as they are asked for, then ends.
private struct NumberStage: Stage {
    typealias Output = Int
    private var next = 0
    private let end: Int

    init(_ end: Int) { self.end = end }

    mutating func handleDemand(_ count: Int, _ out: inout Emitter<Int>) -> Next {
        let stop = min(end, next + count)
        for number in next..<stop { out.emit(number) }
        next = stop
        return next == end ? .stop() : .wait
    }
}

private struct SquareStage: Stage {
    typealias Input = Int
    typealias Output = Int

    init(_: Void) {}

    mutating func handleDemand(_ count: Int, _ out: inout Emitter<Int>) -> Next { .wait }

    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Int>) -> Next {
        for event in events { out.emit(event &* event) }
        return .wait
    }
}

private struct SumStage: Stage {
    struct Setup: Sendable {
        let expected: Int
        let done: Latch
    }
    typealias Input = Int
    enum Call { case sum(From<Int>) }
    private let setup: Setup
    private var count = 0
    private var sum = 0

    init(_ setup: Setup) { self.setup = setup }

    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Never>) -> Next {
        for event in events { sum &+= event }
        count += events.count
        if count == setup.expected { setup.done.arrive() }
        return .wait
    }

    mutating func handleCall(_ call: Call, _ out: inout Emitter<Never>) -> Next {
        switch call {
        case .sum(let from): from.reply(sum, then: .stop())
        }
    }
}

enum CountedStages {
    static func drive(demand: Int, _ run: Run) async throws -> Outcome {
        let done = Latch(1)
        let numbers = try await NumberStage.start(run.operations)
        let squares = try await SquareStage.start()
        let sum = try await SumStage.start(.init(expected: run.operations, done: done))
        let start = MonotonicClock.now()
        let bounds = demand / 2...demand
        sum.subscribe(to: squares, demand: bounds, cancel: .temporary)
        squares.subscribe(to: numbers, demand: bounds)
        let end = await done.wait()
        var expected = 0
        for number in 0..<run.operations { expected &+= number &* number }
        try WrongResult.unless(try await sum.call { .sum($0) }, is: expected, "sum of squares")
        return Outcome(operations: run.operations, nanoseconds: end - start)
    }
}
