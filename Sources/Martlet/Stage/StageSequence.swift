// SPDX-License-Identifier: Apache-2.0
// A producer read by a loop, with backpressure. The other way round: SequenceProducer.

/// The events of a producer as an AsyncSequence; asks as the loop takes.
///
/// Each loop is a consumer of its own: with `.demand` loops share the events, with `.broadcast` each gets all. Leaving the
/// loop cancels the subscription, and so does the end of the process whose loop it is.
///
/// OTP: `GenStage.stream/2`.
public struct StageSequence<Element: Sendable>: AsyncSequence, Sendable {
    /// The producer's end, if abnormal.
    public typealias Failure = ExitSignal

    let setup: StageReader<Element>.Argument

    /// Cancels the subscription when it goes away.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reading: StageReading<Element>

        fileprivate init(_ setup: StageReader<Element>.Argument) { reading = StageReading(setup) }

        /// The next, or nil at the end.
        public mutating func next() async throws -> Element? { try await reading.next() }

        /// The next, or nil at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ExitSignal) -> Element? {
            try await reading.next()
        }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(setup) }
}

extension ServerAddress {
    /// Reads this producer (`GenStage.stream/2`).
    ///
    /// Ends when the producer ends normally or is shut down, throws its reason otherwise, and ends when the task is cancelled.
    /// What a loop that is left had been sent is lost. Traps as `subscribe` does.
    ///
    /// - Parameters:
    ///   - demand: events under way, those included that the loop has not come to; 500...1000 by default.
    ///   - partition: of a partitioned producer, and only then.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the events; nothing is asked for before they are read. A name is looked up now.
    public func events<Producer: Stage & ~Copyable>(
        demand: ClosedRange<Int> = 500...1_000, partition: Int? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) -> StageSequence<Producer.Output> where Ref == ServerRef<Producer> {
        precondition(
            demand.lowerBound >= 0 && demand.lowerBound < demand.upperBound,
            "expected a demand from 0 or more up to something higher, got \(demand)", file: file, line: line)
        return StageSequence(setup: .init(producer: ref?.pid ?? .none, demand: demand, partition: partition))
    }
}

/// One loop.
private final class StageReading<Element: Sendable> {
    private let setup: StageReader<Element>.Argument
    private var reader: StageReader<Element>.Ref?
    /// The reader's; known once it has given something.
    private var subscription: UInt64?
    private var page: [Element] = []
    private var position = 0
    private var isOver = false

    init(_ setup: StageReader<Element>.Argument) { self.setup = setup }

    deinit {
        // To the producer at once: the next loop may be over the same partition.
        if let subscription { setup.producer.send(any: StageSignal.cancel(subscription, .shutdown)) }
        reader?.pid.exit(.shutdown)
    }

    nonisolated(nonsending) func next() async throws(ExitSignal) -> Element? {
        while position == page.count {
            if isOver { return nil }
            switch await turn() {
            case .events(let events, let subscription):
                (page, position) = (events, 0)
                self.subscription = subscription
            case .ended(let reason):
                isOver = true
                if reason.isAbnormal { throw ExitSignal(reason) }
            }
        }
        defer { position += 1 }
        return page[position]
    }

    private nonisolated(nonsending) func turn() async -> StageReader<Element>.Page {
        do throws(StartError) {
            let reader = if let reader { reader } else { try await StageReader<Element>.start(setup.of(Pid.current)) }
            self.reader = reader
            do throws(CallError) { return try await reader.call(timeout: nil) { .next($0) } } catch {
                switch error.reason {
                case .cancelled: return .ended(.normal)
                case .exited(let reason): return .ended(reason)
                default: return .ended(.noProcess)
                }
            }
        } catch {
            return .ended(Task.isCancelled ? .normal : .error(error))
        }
    }
}

/// The consumer behind a loop.
struct StageReader<Event: Sendable>: Stage {
    struct Argument: Sendable {
        let producer: Pid
        let demand: ClosedRange<Int>
        let partition: Int?
        /// Whose code the loop is; what that does at its end may have no effect.
        var owner: Pid?

        func of(_ owner: Pid?) -> Argument {
            var argument = self
            argument.owner = owner
            return argument
        }
    }
    typealias Input = Event
    enum Call {
        /// What was given before has been read.
        case next(From<Page>)
    }
    enum Page: Sendable {
        case events([Event], UInt64)
        case ended(ExitReason)
    }

    private let subscription: Subscription
    private var events = EventQueue<Event>()
    private var end: ExitReason?
    private var waiting: From<Page>?
    private var unread = 0

    init(_ argument: Argument) {
        subscription = Self.current.subscribe(
            to: argument.producer, argument.demand, .temporary, argument.partition, nil, #fileID, #line)
        _ = argument.owner?.monitor()
    }

    mutating func handleSubscribe(_ subscription: Subscription) -> Subscription.Demand {
        subscription.ask(subscription.demand.upperBound)
        return .manual
    }

    mutating func handleEvents(_ events: [Event], from: Subscription, _ out: inout Emitter<Never>) -> Next {
        self.events.append(events)
        serve()
        return .wait
    }

    mutating func handleCancel(_ subscription: Subscription, _ reason: ExitReason) {
        end = reason
        serve()
    }

    mutating func handleCall(_ call: Call, _ out: inout Emitter<Never>) -> Next {
        guard case .next(let from) = call else { return .wait }
        if unread > 0, end == nil { subscription.ask(unread) }
        unread = 0
        waiting = from
        serve()
        return .wait
    }

    mutating func handleInfo(_ info: Info<Never>, _ out: inout Emitter<Never>) -> Next {
        if case .down = info { return .stop(.shutdown) }
        return .wait
    }

    private mutating func serve() {
        guard let from = waiting else { return }
        if events.count > 0 {
            let demand = subscription.demand
            let page = events.take(min(events.count, demand.upperBound - demand.lowerBound))
            unread = page.count
            from.reply(.events(page, subscription.id))
        } else if let end {
            from.reply(.ended(end))
        } else {
            return
        }
        waiting = nil
    }
}
