// SPDX-License-Identifier: Apache-2.0
// The first server: state, a call, a cast, a name. Compare ManualCounter, which does the same by hand.
//
// See it run: swift test --filter ExamplesTests.CounterExample

import Martlet

struct Counter: GenServer {
    enum Call { case increment(by: Int, From<Int>), get(From<Int>) }
    enum Cast { case reset }
    static let name: Name = "counter"
    /// After ten idle seconds the process gives memory back.
    ///
    /// Not `.wait(idle: .seconds(10))`: that sends the server an `Info.timeout`, which this one does not handle.
    static let hibernatesAfter: Duration? = .seconds(10)

    private var count: Int

    /// Runs in the new process; `start` returns when it has.
    init(_ initial: Int) { count = initial }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .increment(let n, let from):
            count += n
            return from.reply(count)
        case .get(let from):
            return from.reply(count)
        }
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        switch cast {
        case .reset: count = 0
        }
        return .wait
    }
}

/// What clients see, written once for references and names. The reply's type is that of the case's `From`: a handler
/// that answered with a String would not compile.
extension ServerAddress<Counter.Ref> {
    nonisolated(nonsending) func increment(by n: Int = 1) async throws(CallError) -> Int {
        try await call { .increment(by: n, $0) }
    }

    /// A caller that will not wait the usual 5 seconds gets `CallError` with `.timeout`.
    nonisolated(nonsending) func get(timeout: Duration = .seconds(5)) async throws(CallError) -> Int {
        try await call(timeout: timeout) { .get($0) }
    }

    func reset() { cast(.reset) }
}

func counterTour(output: Output = terminal) async throws {
    let counter = try await Counter.start(0, name: Counter.name)
    output("\(try await counter.increment())")  // 1
    output("\(try await Counter.name.increment())")  // 2: by name, as well as by reference
    output("\(try await counter.get())")  // 2
    counter.reset()  // returns at once; the next call of this caller still comes after it
    output("\(try await counter.get(timeout: .seconds(1)))")  // 0
    try await counter.stop()
}
