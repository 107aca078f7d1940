// SPDX-License-Identifier: Apache-2.0
// Subscriptions of a stage, as a consumer and as a producer: how they begin and end.

extension StageEngine where T: ~Copyable {
    // MARK: As a consumer

    /// Somebody wants this stage to consume.
    mutating func subscribe(_ request: StageSubscribe<T.Input>) throws -> Next {
        let subscription = request.subscription
        let monitor = subscription.producer.monitor()
        monitored[monitor] = subscription.id
        var intake = Intake(subscription, request.cancel, monitor)
        intakes[subscription.id] = intake
        subscription.producer.send(any: request.join)
        if try stage.handleSubscribe(subscription) == .manual { intake.isManual = true }
        for count in intake.begin() { subscription.producer.send(any: StageSignal.ask(subscription.id, count)) }
        intakes[subscription.id] = intake
        return rest
    }

    /// The producer, or the subscription, has ended; its last events may still wait here.
    mutating func ended(_ id: UInt64, _ reason: ExitReason) throws -> Next {
        work.append(.ended(id, reason))
        return try goOn()
    }

    /// The same, once they are handled.
    mutating func cancel(_ id: UInt64, _ reason: ExitReason) throws -> Next? {
        guard let intake = intakes.removeValue(forKey: id) else { return nil }
        monitored[intake.monitor] = nil
        intake.monitor.cancel()
        try stage.handleCancel(intake.subscription, reason)
        switch intake.cancel {
        case .permanent: return .stop(reason)
        case .transient: return reason.isAbnormal ? .stop(reason) : nil
        case .temporary: return nil
        }
    }

    // MARK: As a producer

    /// A consumer comes.
    mutating func join(_ join: StageJoin<T.Output>) throws -> Next {
        let subscription = join.subscription
        // A successor may come before the end of who had the partition is told.
        if let holder = outflow.holder(of: join.partition), outlets[holder]?.subscription.consumer.isAlive == false {
            outflow.leave(holder)
        }
        do throws(StageError) {
            try outflow.join(subscription.id, partition: join.partition, accepts: join.accepts)
        } catch {
            subscription.consumer.send(any: StageSignal.ended(subscription.id, .error(error)))
            return rest
        }
        let monitor = subscription.consumer.monitor()
        monitored[monitor] = subscription.id
        outlets[subscription.id] = (subscription, monitor)
        _ = try stage.handleSubscribe(subscription)
        return try goOn()
    }

    /// A consumer, or its subscription, has ended.
    mutating func lost(_ id: UInt64, _ reason: ExitReason) throws -> Next {
        guard let outlet = outlets.removeValue(forKey: id) else { return rest }
        monitored[outlet.monitor] = nil
        outlet.monitor.cancel()
        outflow.leave(id)
        try stage.handleCancel(outlet.subscription, reason)
        return try goOn()
    }

    // MARK: Events

    mutating func arrived(_ batch: StageBatch<T.Input>) throws -> Next {
        // After its subscription has ended here nobody handles it: it is counted as lost.
        guard intakes[batch.id] != nil else { return rest }
        work.append(.batch(batch))
        return try goOn()
    }

    /// Handles what waits, as far as consumers want what comes of it.
    mutating func handleWork() throws -> Next {
        while let next = work.first {
            let wanted = Self.emits ? outflow.wanted : .max
            switch next {
            case .batch(let batch):
                if batch.left == 0 || intakes[batch.id] == nil {
                    work.removeFirst()
                } else if wanted <= 0 {
                    return rest
                } else if try handle(batch, atMost: wanted) {
                    return settle(rest)
                }
            case .ended(let id, let reason):
                // What is kept for consumers goes first.
                if outflow.isOwing { return rest }
                work.removeFirst()
                if let stop = try cancel(id, reason) { return stop }
            }
        }
        return rest
    }

    /// One callback, and what it handled is asked for again; true: the stage stops.
    private mutating func handle(_ batch: StageBatch<T.Input>, atMost wanted: Int) throws -> Bool {
        guard var intake = intakes[batch.id] else { return false }
        let count = min(batch.left, intake.batchMax, wanted)
        out.wanted = outflow.wanted
        rest = try stage.handleEvents(batch.next(count), from: intake.subscription, &out)
        batch.wereHandled(count)
        counters.handled.wrappingAdd(count, ordering: .relaxed)
        let isStopping = if case .stop = rest._kind { true } else { false }
        // One that stops would lose what it asked for.
        let more = isStopping ? 0 : intake.handled(count)
        if more > 0 { intake.subscription.producer.send(any: StageSignal.ask(batch.id, more)) }
        intakes[batch.id] = intake
        try flush()
        return isStopping
    }
}
