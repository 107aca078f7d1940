// SPDX-License-Identifier: Apache-2.0
// The loop of a synchronous server: takes messages from its slice, runs the callbacks between `enter` and `leave`, and
// does what they returned. Specialised in the server's own module, so that a message passes without a witness call.
//
//     initialise --init--> [ next message -> callback -> follow Next ]* --stop, throw, kill--> exit
//
// Between `leave` and the next `enter` the process is the engine's; in between it is the callback's and a killer may take
// it away: `leave` then says false, and the engine destroys the state it still holds and touches nothing else.

/// The state of one server between its messages.
@usableFromInline
struct _ServerState<E: ~Copyable>: ~Copyable {
    /// First: in-place callers find it at the address of the state.
    @usableFromInline var server: E
    /// Idle times and what else is rare; nil for most servers.
    @usableFromInline var extras: _ServerExtras?

    @usableFromInline
    init(server: consuming E, extras: _ServerExtras?) {
        self.server = server
        self.extras = extras
    }
}

@usableFromInline
enum _GenServerEngine<E: GenServer & ~Copyable> {
    @usableFromInline typealias State = _State<_ServerState<E>>

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
                    if state.value.extras != nil { _ServerExtras.messageCame(state, slice) }
                    slice.enter(call: slice.reply)
                    next = try state.value.server.handleCall(call)
                case .cast:
                    let cast = slice.take(E.Cast.self)
                    if state.value.extras != nil { _ServerExtras.messageCame(state, slice) }
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
            guard slice.leave() else { return abandon(slice, state) }
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
        if state.value.extras != nil { _ServerExtras.messageCame(state, slice) }
        slice.enter(kind)
        let next: Next
        do { next = try state.value.server.handleInfo(info) } catch { return crash(error, slice, state) }
        guard slice.leave() else { return abandon(slice, state) }
        return follow(next, slice, state)
    }

    /// Does what a callback returned; nil: go on with the next message.
    ///
    /// Between callbacks, in BUSY.
    @inlinable
    static func follow(_ first: Next, _ slice: _Slice, _ state: State) -> _Run? {
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
                guard slice.leave() else { return abandon(slice, state) }
            }
        }
    }

    // MARK: Beginning

    @inlinable
    static func start(_ slice: _Slice) -> _Run {
        let (argument, extras) = slice.takeInit(E.Argument.self)
        let start = slice.reply
        let serverExtras = (extras as? _ServerExtras)?.label(slice)
        if let taken = serverExtras?.registerVia(slice.pid) { return refuse(taken, .normal, start, slice, nil) }
        slice.enter(call: start)
        let made: State?
        let next: Next
        do {
            let server = try E(argument)
            next = server.afterInit
            slice.forgetCall()
            made = State.make(_ServerState(server: server, extras: serverExtras), slice)
        } catch {
            let (failure, reason) = _StartOutcome.of(error)
            let draft = _CrashLog.draft(reason, thrown: error, in: slice, state: nil)
            slice.forgetCall()
            guard slice.leave() else { return abandon(slice, nil, serverExtras) }
            return refuse(failure, reason, start, slice, serverExtras, draft)
        }
        guard slice.leave() else { return abandon(slice, made, serverExtras) }
        guard let state = made else { return refuse(.systemLimit, .killed, start, slice, serverExtras) }
        // Not before `leave`: a killer may have taken the process from `init`, and the slot may serve another by now.
        slice.install(state)
        _Answer.give((), to: start)
        return follow(next, slice, state) ?? loop(slice, state)
    }

    /// `init` made no server: the name is freed, then the starter hears why (R1).
    @usableFromInline
    static func refuse(
        _ failure: StartError, _ reason: ExitReason, _ start: UInt64, _ slice: _Slice, _ extras: _ServerExtras?,
        _ draft: _CrashDraft? = nil
    ) -> _Run {
        slice.forgetStart()
        slice.beginExit(reason.boxed)
        extras?.unregisterVia(slice.pid)
        slice.finishExit()
        _CrashLog.file(draft)
        _Answer.fail(start, with: _Reason(failure))
        return .exited
    }

    // MARK: Ending

    /// An orderly end: terminate, the parked reply, the state, the rest (R10, R11).
    @inlinable
    static func exit(_ reason: ExitReason, _ slice: _Slice, _ state: State) -> _Run {
        var reason = reason
        slice.enter(.stop)
        var draft = report(reason, nil, slice, state)
        do { try state.value.server.terminate(reason) } catch {
            reason = ExitReason(thrown: error)
            draft = report(reason, error, slice, state)
        }
        guard slice.leave() else { return abandon(slice, state) }
        slice.publishParkedReply()
        return end(reason, slice, state, draft)
    }

    /// A callback threw: terminate runs, with that reason.
    ///
    /// An unpublished reply is dropped.
    @inlinable
    static func crash(_ error: any Error, at site: [UInt]? = nil, _ slice: _Slice, _ state: State) -> _Run {
        var reason = ExitReason(thrown: error)
        // Still in user code, and before terminate changes anything.
        var draft = report(reason, error, at: site, slice, state)
        // The request that was being handled fails with the rest, when the process has ended.
        let call = slice.runningCall
        guard slice.leaveKeepingCall() else { return abandon(slice, state) }
        slice.enter(call: call)
        do { try state.value.server.terminate(reason) } catch {
            reason = ExitReason(thrown: error)
            draft = report(reason, error, slice, state)
        }
        guard slice.leaveKeepingCall() else { return abandon(slice, state) }
        return end(reason, slice, state, draft)
    }

    /// What will be said of an end with that reason, if it is one to speak of (R16).
    ///
    /// In user code: `formatStatus` is.
    @usableFromInline
    static func report(
        _ reason: ExitReason, _ error: (any Error)?, at site: [UInt]? = nil, _ slice: _Slice, _ state: State
    ) -> _CrashDraft? {
        guard reason.isAbnormal else { return nil }
        return _CrashLog.draft(reason, thrown: error, at: site, in: slice) { state.value.server.formatStatus() }
    }

    /// Killed or told to exit: no last words, unless it was the parent who said so (R11).
    @inlinable
    static func die(_ slice: _Slice) -> _Run {
        let isOrderly = slice.diesByParent
        let reason = ExitReason(slice.takeDeathReason())
        if slice.stateIsHeld {
            // A stuck callback uses the state, or `init` is still making it; its thread destroys it when it comes back.
            slice.beginExit(reason.boxed)
            slice.finishExit()
            return .exited
        }
        if let pending = slice.takePending() { drop(pending) }
        if isOrderly { return exit(reason, slice, slice.state(_ServerState<E>.self)) }
        // No user code runs any more, so the state is not shown.
        let draft = _CrashLog.draft(reason, thrown: nil, in: slice, state: nil)
        return end(reason, slice, slice.state(_ServerState<E>.self), draft)
    }

    @inlinable
    static func end(_ reason: ExitReason, _ slice: _Slice, _ state: State, _ draft: _CrashDraft?) -> _Run {
        slice.beginExit(reason.boxed)
        let extras = state.value.extras
        state.destroy()
        extras?.unregisterVia(slice.pid)
        slice.finishExit()
        _CrashLog.file(draft)
        return .exited
    }

    /// The process was taken away while user code ran: this frame destroys the state and touches nothing else.
    @inlinable
    static func abandon(_ slice: _Slice, _ state: State) -> _Run {
        abandon(slice, state, state.value.extras)
    }

    /// The same, also where there is no state.
    ///
    /// A via name could not be freed before, without what is kept here.
    @usableFromInline
    static func abandon(_ slice: _Slice, _ state: State?, _ extras: _ServerExtras?) -> _Run {
        state?.destroy()
        extras?.unregisterVia(slice.pid)
        return slice.abandon()
    }
}
