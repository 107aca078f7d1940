// SPDX-License-Identifier: Apache-2.0
// The loop of a synchronous server: takes messages from its slice, runs the callbacks between `enter` and `leave`, and
// does what they returned. Specialised in the server's own module, so that a message passes without a witness call.
//
//     initialise --init--> [ next message -> callback -> follow Next ]* --stop, throw, kill--> exit
//
// Between `leave` and the next `enter` the process is the engine's; in between it is the callback's and a killer may take
// it away: `leave` then says false, and the engine destroys the state it still holds and touches nothing else.

@usableFromInline
enum _GenServerEngine<E: GenServer & ~Copyable> {
    @usableFromInline typealias State = _State<_ServerState<E>>
    @usableFromInline typealias Exit = _ServerExit<E>

    /// One slice.
    @inlinable
    static func run(_ slice: _Slice) -> _Run {
        if slice.kind == .initialise { return start(slice) }
        if slice.kind == .die { return die(slice) }
        let state = slice.state(_ServerState<E>.self)
        if let pending = slice.takePending(), let run = act(on: pending, slice, state) { return run }
        return loop(slice, state)
    }

    @inlinable
    static func loop(_ slice: _Slice, _ state: State) -> _Run {
        while true {
            let kind = slice.next()
            let next: Next
            do {
                switch kind {
                case .call:
                    let call = slice.take(E.Call.self)
                    if state.value.extras != nil { _ServerExtras.messageCame(state, slice, call) }
                    slice.enter(call: slice.reply)
                    next = try state.value.server.handleCall(call)
                case .cast:
                    let cast = slice.take(E.Cast.self)
                    if state.value.extras != nil { _ServerExtras.messageCame(state, slice, cast) }
                    slice.enter(.cast)
                    next = try state.value.server.handleCast(cast)
                case .leave: return .left
                case .die: return die(slice)
                default:
                    if let run = rare(kind, slice, state) { return run }
                    continue
                }
            } catch {
                return crash(error, slice, state)
            }
            guard slice.leave() else { return Exit.abandon(slice, state) }
            if case .wait = next._kind, state.value.extras == nil { continue }
            if let run = follow(next, slice, state) { return run }
        }
    }

    /// Infos, idle timeouts and stops.
    @inlinable
    static func rare(_ kind: _Kind, _ slice: _Slice, _ state: State) -> _Run? {
        switch kind {
        case .message: return inform(.message(slice.take(E.Message.self)), kind, slice, state)
        case .tick: return inform(.message(slice.take(_Tick<E.Message>.self).message), kind, slice, state)
        case .unexpected: return inform(.unexpected(slice.take((any Sendable).self)), kind, slice, state)
        case .timeout: return timeout(slice, state)
        case .exit: return exitSignal(slice.takeNews(), slice, state)
        case .down:
            let news = slice.takeNews()
            let down = Info<E.Message>.down(MonitorRef(raw: news.tie), Pid(raw: news.from), ExitReason(news.reason))
            return inform(down, kind, slice, state)
        case .stop:
            let reason = slice.take(_Reason.self)
            slice.defer_(slice.reply)
            return exit(ExitReason(reason), slice, state)
        case .system:
            let run = _ServerSystem<E>.perform(slice, state, isLong: false)
            // Of another type from here on: a worker runs its engine.
            if case .left = run { slice.handOver() }
            return run
        default: return nil
        }
    }

    /// A trapped exit signal: the parent's ends the server in good order (R11), others are information (R12).
    @inlinable
    static func exitSignal(_ news: _News, _ slice: _Slice, _ state: State) -> _Run? {
        let reason = ExitReason(news.reason)
        if news.from != 0, news.from == slice.parent { return exit(reason, slice, state) }
        return inform(.exit(Pid(raw: news.from), reason), .exit, slice, state)
    }

    @inlinable
    static func inform(_ info: Info<E.Message>, _ kind: _Kind, _ slice: _Slice, _ state: State) -> _Run? {
        if state.value.extras != nil { _ServerExtras.messageCame(state, slice, info) }
        slice.enter(kind)
        let next: Next
        do { next = try state.value.server.handleInfo(info) } catch { return crash(error, slice, state) }
        guard slice.leave() else { return Exit.abandon(slice, state) }
        return follow(next, slice, state)
    }

    /// Does what a callback returned; nil: go on with the next message.
    ///
    /// Between callbacks, in BUSY.
    @inlinable
    static func follow(_ first: Next, _ slice: _Slice, _ state: State) -> _Run? {
        if let debug = state.value.extras?.debug,
            let run = _ServerSystem<E>.tell(debug, slice, state, isLong: false)
        {
            return run
        }
        var next = first
        while true {
            switch next._kind {
            case .wait:
                _ServerExtras.settle(state, slice)
                return nil
            case .idle(let nanoseconds):
                _ServerExtras.waitIdle(nanoseconds, state, slice)
                return nil
            case .hibernate: return hibernate(slice, state)
            case .stop(let reason): return exit(reason, slice, state)
            case .proceed:
                // The loop's next look ends it; a chain that never comes there could not be killed.
                if slice.isDoomed { return nil }
                slice.enter(.continuation)
                do { next = try state.value.server.handleContinue() } catch { return crash(error, slice, state) }
                guard slice.leave() else { return Exit.abandon(slice, state) }
            }
        }
    }

    // MARK: Beginning

    @inlinable
    static func start(_ slice: _Slice) -> _Run {
        let (argument, extras) = slice.takeInit(E.Argument.self)
        let start = _Starter(slice, extras)
        let serverExtras = (extras as? _ServerExtras)?.label(slice)
        if let taken = serverExtras?.registerVia(slice.pid) { return Exit.refuse(taken, .normal, start, slice, nil) }
        slice.enter(call: start.reply)
        let made: State?
        let next: Next
        do {
            let server = try E(argument)
            next = server.afterInit
            slice.forgetCall()
            made = State.make(_ServerState(server: server, extras: serverExtras))
        } catch {
            let (failure, reason) = _StartOutcome.of(error)
            let draft = _CrashLog.draft(reason, thrown: error, in: slice, state: nil)
            slice.forgetCall()
            guard slice.leave() else { return Exit.abandon(slice, nil, serverExtras) }
            return Exit.refuse(failure, reason, start, slice, serverExtras, draft)
        }
        guard slice.leave() else { return Exit.abandon(slice, made, serverExtras) }
        guard let state = made else { return Exit.refuse(.systemLimit, .killed, start, slice, serverExtras) }
        // Not before `leave`: a killer may have taken the process from `init`, and the slot may serve another by now.
        slice.install(state)
        start.hasStarted(slice)
        return follow(next, slice, state) ?? loop(slice, state)
    }

    // MARK: Ending

    /// An orderly end: terminate, the parked reply, the state, the rest (R10, R11).
    @inlinable
    static func exit(_ reason: ExitReason, _ slice: _Slice, _ state: State) -> _Run {
        var reason = reason
        slice.enter(.stop)
        var draft = Exit.report(reason, nil, slice, state)
        do { try state.value.server.terminate(reason) } catch {
            reason = ExitReason(thrown: error)
            draft = Exit.report(reason, error, slice, state)
        }
        guard slice.leave() else { return Exit.abandon(slice, state) }
        slice.publishParkedReply()
        return Exit.end(reason, slice, state, draft)
    }

    /// A callback threw: terminate runs, with that reason.
    ///
    /// An unpublished reply is dropped.
    @inlinable
    static func crash(_ error: any Error, at site: [UInt]? = nil, _ slice: _Slice, _ state: State) -> _Run {
        var reason = ExitReason(thrown: error)
        // Still in user code, and before terminate changes anything.
        var draft = Exit.report(reason, error, at: site, slice, state)
        // The request that was being handled fails with the rest, when the process has ended.
        let call = slice.runningCall
        guard slice.leaveKeepingCall() else { return Exit.abandon(slice, state) }
        slice.enter(call: call)
        do { try state.value.server.terminate(reason) } catch {
            reason = ExitReason(thrown: error)
            draft = Exit.report(reason, error, slice, state)
        }
        guard slice.leaveKeepingCall() else { return Exit.abandon(slice, state) }
        return Exit.end(reason, slice, state, draft)
    }

    /// Killed or told to exit: no last words, unless it was the parent who said so (R11).
    @inlinable
    static func die(_ slice: _Slice) -> _Run {
        let isOrderly = slice.diesByParent
        let reason = ExitReason(slice.takeDeathReason())
        // Its thread destroys the state when it comes back.
        if slice.stateIsHeld { return Exit.leaveState(reason, slice) }
        if let pending = slice.takePending() { _InPlaceOutcome.drop(pending) }
        if isOrderly { return exit(reason, slice, slice.state(_ServerState<E>.self)) }
        return Exit.killed(reason, slice, slice.state(_ServerState<E>.self))
    }
}
