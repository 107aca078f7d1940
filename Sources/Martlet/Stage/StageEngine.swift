// SPDX-License-Identifier: Apache-2.0
// The engine of Stage, written as a GenServer: it calls the stage, sends what it emits, and asks for what it handles. What
// is owed to whom is decided in Outflow and Intake.

/// Runs a `T` as a GenServer.
struct StageEngine<T: Stage & ~Copyable>: GenServer, ~Copyable {
    typealias Argument = T.Argument
    typealias Call = T.Call
    typealias Cast = T.Cast
    typealias Message = T.Message

    /// What waits for its turn: a stage that also emits takes events only while its consumers want some.
    enum Work {
        case batch(StageBatch<T.Input>)
        /// Behind the last events of the subscription.
        case ended(UInt64, ExitReason)
    }

    var stage: T
    var out = Emitter<T.Output>()
    // As a producer.
    var outflow: Outflow<T.Output>
    /// The consumers, with the watch on each.
    var outlets: [UInt64: (subscription: Subscription, monitor: MonitorRef)] = [:]
    // As a consumer.
    var intakes: [UInt64: Intake] = [:]
    var work = EventQueue<Work>()
    /// Whose subscription a monitor watches.
    var monitored: [MonitorRef: UInt64] = [:]
    /// What the last callback returned, for messages that call none.
    var rest = Next.wait
    /// An orderly stop that waits until what is kept for consumers is taken.
    var stopping: Next?
    /// Whether a message to itself is under way.
    var goesOn = false
    let me = Self.current.pid
    let counters = StageCounters()

    init(_ argument: T.Argument) throws {
        outflow = Outflow(T.dispatcher, T.buffer)
        stage = try Self.begin(argument)
        StageCounters.all[me] = counters
    }

    deinit { StageCounters.all[me] = nil }

    private static func begin(_ argument: T.Argument) throws -> T {
        // What stages say to each other may not be refused: they would wait for ever.
        if _Room.isBounded(current.pid.raw) { throw StageError.boundedMailbox }
        return try T(argument)
    }

    static var emits: Bool { T.Output.self != Never.self }
    static var isProducer: Bool { emits && T.Input.self == Never.self }

    mutating func handleCall(_ call: T.Call) throws -> Next {
        out.wanted = outflow.wanted
        return try finish(try stage.handleCall(call, &out))
    }

    mutating func handleCast(_ cast: T.Cast) throws -> Next {
        out.wanted = outflow.wanted
        return try finish(try stage.handleCast(cast, &out))
    }

    mutating func handleInfo(_ info: Info<T.Message>) throws -> Next {
        switch info {
        case .unexpected(let mail):
            if let signal = mail as? StageSignal { return try hear(signal) }
            if let batch = mail as? StageBatch<T.Input> { return try arrived(batch) }
            if let request = mail as? StageSubscribe<T.Input> { return try subscribe(request) }
            if let request = mail as? StageJoin<T.Output> { return try join(request) }
        case .down(let monitor, _, let reason):
            guard let id = monitored.removeValue(forKey: monitor) else { break }
            if intakes[id] == nil { return try lost(id, reason) }
            return try ended(id, reason)
        default: break
        }
        out.wanted = outflow.wanted
        return try finish(try stage.handleInfo(info, &out))
    }

    mutating func terminate(_ reason: ExitReason) throws { try stage.terminate(reason) }

    mutating func hibernate() { stage.hibernate() }

    borrowing func formatStatus() -> String { stage.formatStatus() }

    mutating func _show(to visitor: _StateVisitor) -> Bool { visitor.visit(&stage) || visitor.visit(&self) }

    private mutating func hear(_ signal: StageSignal) throws -> Next {
        switch signal {
        case .ask(let id, let count):
            if let intake = intakes[id] {
                intake.subscription.producer.send(any: signal)
                return rest
            }
            outflow.ask(id, count)
            return try goOn()
        case .cancel(let id, let reason):
            if let intake = intakes[id] {
                intake.subscription.producer.send(any: signal)
                return rest
            }
            guard let outlet = outlets[id] else { return rest }
            outlet.subscription.consumer.send(any: StageSignal.ended(id, reason))
            return try lost(id, reason)
        case .ended(let id, let reason): return try ended(id, reason)
        case .goOn:
            goesOn = false
            return try goOn()
        }
    }

    // MARK: After a callback

    /// What the stage emitted goes out, and what that makes possible is done.
    private mutating func finish(_ next: Next) throws -> Next {
        rest = next
        try flush()
        if case .stop = next._kind { return next }
        return try goOn()
    }

    /// Sends what consumers want of what was emitted.
    mutating func flush() throws {
        if out.owesNothing { outflow.forgive() }
        if !out.events.isEmpty {
            counters.emitted.wrappingAdd(out.events.count, ordering: .relaxed)
            try outflow.add(out.take())
        }
        guard outflow.buffered > 0 else { return }
        let (outlets, counters) = (outlets, counters)
        let excess = outflow.deliver { id, events in
            counters.delivered.wrappingAdd(events.count, ordering: .relaxed)
            outlets[id]?.subscription.consumer.send(any: StageBatch(id, events, counters))
        }
        counters.buffered.store(outflow.buffered, ordering: .relaxed)
        if excess > 0 {
            counters.dropped.wrappingAdd(excess, ordering: .relaxed)
            StageLog.dropped(excess, of: outflow.dropped, _shortTypeName(T.self), me)
        }
    }

    /// A producer makes what is wanted; a stage that consumes goes on with what waits.
    mutating func goOn() throws -> Next {
        try flush()
        if let stopping { return outflow.isOwing ? .wait : stopping }
        guard Self.isProducer else { return try handleWork() }
        let need = outflow.takeNeed()
        guard need > 0 else { return rest }
        out.wanted = outflow.wanted
        rest = try stage.handleDemand(need, &out)
        try flush()
        // Filters refused some, or a full partition dropped some: more is wanted, but others come first.
        if outflow.hasNeed, !goesOn {
            goesOn = true
            me.send(any: StageSignal.goOn)
        }
        return settle(rest)
    }

    /// What the flow of events brings to an end waits until consumers have taken what is kept for them.
    mutating func settle(_ next: Next) -> Next {
        guard case .stop(let reason) = next._kind, !reason.isAbnormal, outflow.isOwing else { return next }
        stopping = next
        rest = .wait
        return .wait
    }
}
