// SPDX-License-Identifier: Apache-2.0
// A pipeline with demand: numbers, their squares in the middle, a printer at each end of a partition; a loop that reads a
// stage, and a process for each event of a sequence. Nothing is made that nobody asked for.
//
// See it run: swift test --filter PipelineExample

import Martlet

/// Makes numbers, as many as are asked for.
struct Numbers: Stage {
    typealias Output = Int
    static let name: Name = "numbers"
    private var next = 1
    private let last: Int

    init(_ last: Int) { self.last = last }

    mutating func handleDemand(_ count: Int, _ out: inout Emitter<Int>) -> Next {
        let end = min(last, next + count - 1)
        out.emit(contentsOf: next..<end + 1)
        next = end + 1
        // The end of a producer ends those who subscribed to it, behind its last event.
        return next > last ? .stop() : .wait
    }
}

/// Squares as texts; short ones go to one consumer, long ones to another.
struct Squares: Stage {
    typealias Input = Int
    typealias Output = String
    static let dispatcher = Dispatcher<String>.partition(2) { $0.count > 1 ? 1 : 0 }

    /// In `init`, so that a restart subscribes again.
    init(_: Void) { Self.current.subscribe(to: Numbers.name, demand: 2...8) }

    mutating func handleDemand(_ count: Int, _ out: inout Emitter<String>) -> Next { .wait }

    mutating func handleEvents(_ events: [Int], from: Subscription, _ out: inout Emitter<String>) -> Next {
        for event in events { out.emit("\(event * event)") }
        return .wait
    }
}

/// Prints what comes of one partition.
struct ShortOnes: Stage {
    struct Setup: Sendable {
        let source: Squares.Ref
        let print: @Sendable (String) -> Void
    }
    typealias Input = String
    private let print: @Sendable (String) -> Void

    init(_ setup: Setup) {
        print = setup.print
        Self.current.subscribe(to: setup.source, demand: 1...4, partition: 0)
    }

    mutating func handleEvents(_ events: [String], from: Subscription, _ out: inout Emitter<Never>) -> Next {
        for event in events { print("short \(event)") }
        return .wait
    }
}

/// A process for each event: greets, and is done.
struct Greeter: GenServer {
    struct Setup: Sendable {
        let name: String
        let output: Output
    }
    private let setup: Setup
    init(_ setup: Setup) { self.setup = setup }
    var afterInit: Next { .continue }
    mutating func handleContinue() -> Next {
        setup.output("hello \(setup.name)")
        return .stop()
    }
}

func pipelineTour(output: @escaping Output = terminal) async throws {
    // Waits for nobody: a producer does nothing before it is asked.
    _ = try await Numbers.start(6, name: Numbers.name)
    let squares = try await Squares.start()
    let printer = try await ShortOnes.start(.init(source: squares, print: output))
    for try await square in squares.events(demand: 0...2, partition: 1) { output("long \(square)") }
    _ = try await printer.pid.waitForExit()

    let (names, continuation) = AsyncStream.makeStream(of: String.self)
    for name in ["Ada", "Grace"] { continuation.yield(name) }
    continuation.finish()
    let producer = try await SequenceProducer<AsyncStream<String>>.start(names)
    let greeters = try await ConsumerSupervisor<String>.start { name in
        Greeter.child(.init(name: name, output: output), restart: .temporary)
    }
    // One at a time.
    greeters.subscribe(to: producer, demand: 0...1)
    _ = try await greeters.pid.waitForExit()
}
