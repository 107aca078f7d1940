// SPDX-License-Identifier: Apache-2.0
// Stages for tests.

@testable import Martlet
import MartletTestKit

struct Failure: Error {}

/// What came, in order.
final class Seen: Sendable {
    private let numbers = _Locked<[Int]>([])
    func add(_ more: [Int]) { numbers.withLock { $0 += more } }
    var all: [Int] { numbers.withLock { $0 } }
    var count: Int { numbers.withLock { $0.count } }
}

/// Declarations that differ from test to test.
protocol Sharing {
    static var dispatcher: Dispatcher<Int> { get }
    static var buffer: StageBuffer { get }
}
enum ByDemand: Sharing {
    static let dispatcher = Dispatcher<Int>.demand
    static let buffer = StageBuffer()
}
enum Broadcasting: Sharing {
    static let dispatcher = Dispatcher<Int>.broadcast
    static let buffer = StageBuffer()
}
enum Partitioned: Sharing {
    static let dispatcher = Dispatcher<Int>.partition(2) { $0 % 2 }
    static let buffer = StageBuffer()
}
enum Cramped: Sharing {
    static let dispatcher = Dispatcher<Int>.demand
    static let buffer = StageBuffer(capacity: 3)
}

/// Numbers from 0 on, up to a limit, as asked.
struct Counters<How: Sharing>: Stage {
    typealias Output = Int
    enum Call { case asked(From<[Int]>) }
    enum Cast { case emit(Int), stop(ExitReason) }
    static var dispatcher: Dispatcher<Int> { How.dispatcher }
    static var buffer: StageBuffer { How.buffer }

    private var next = 0
    private let limit: Int
    private var asked: [Int] = []

    init(_ limit: Int) { self.limit = limit }

    mutating func handleDemand(_ count: Int, _ out: inout Emitter<Int>) -> Next {
        asked.append(count)
        return emit(count, &out)
    }
    mutating func handleCall(_ call: Call, _ out: inout Emitter<Int>) -> Next {
        switch call {
        case .asked(let from): from.reply(asked)
        }
    }
    mutating func handleCast(_ cast: Cast, _ out: inout Emitter<Int>) -> Next {
        switch cast {
        case .emit(let count): emit(count, &out)
        case .stop(let reason): .stop(reason)
        }
    }
    private mutating func emit(_ count: Int, _ out: inout Emitter<Int>) -> Next {
        let end = min(limit, next + count)
        out.emit(contentsOf: next..<end)
        next = end
        return next == limit ? .stop() : .wait
    }
}

/// Each number so many times.
struct Times: Stage {
    typealias Input = Int
    typealias Output = Int
    struct Setup: Sendable {
        let source: Pid
        let factor: Int
        var demand = 1...4
    }
    private let factor: Int
    init(_ setup: Setup) {
        factor = setup.factor
        _ = Self.current.subscribe(to: setup.source, setup.demand, .permanent, nil, nil, #fileID, #line)
    }
    mutating func handleDemand(_ count: Int, _ out: inout Emitter<Int>) -> Next { .wait }
    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Int>) -> Next {
        for event in events { for _ in 0..<factor { out.emit(event) } }
        return .wait
    }
}

/// Notes what comes.
struct Sink: Stage {
    typealias Input = Int
    struct Setup: Sendable {
        let seen: Seen
        var isManual = false
        /// Fails at this number.
        var failsAt: Int?
        var batches: Seen?
        var cancels: Seen?
    }
    private let setup: Setup
    init(_ setup: Setup) { self.setup = setup }
    mutating func handleSubscribe(_ subscription: Subscription) -> Subscription.Demand {
        setup.isManual ? .manual : .automatic
    }
    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<Never>) throws -> Next {
        if let number = setup.failsAt, events.contains(number) { throw Failure() }
        setup.batches?.add([events.count])
        setup.seen.add(events)
        return .wait
    }
    mutating func handleCancel(_ subscription: Subscription, _ reason: ExitReason) {
        setup.cancels?.add([reason.isAbnormal ? 1 : 0])
    }
}
