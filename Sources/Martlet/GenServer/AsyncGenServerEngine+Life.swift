// SPDX-License-Identifier: Apache-2.0
// Beginning and end of a server whose callbacks may suspend (R1, R2, R10, R11).

extension _AsyncGenServerEngine where E: ~Copyable {
    /// Makes the state; nil: there is none, and `ended` says how the process ended.
    @inlinable
    nonisolated(nonsending) static func start(
        _ carrier: _Carrier, _ slice: _Slice, _ ended: inout _Run?
    ) async -> State? {
        let (argument, extras) = slice.takeInit(E.Argument.self)
        let start = _Starter(slice, extras)
        let serverExtras = (extras as? _ServerExtras)?.label(slice)
        if let taken = serverExtras?.registerVia(slice.pid) {
            ended = Exit.refuse(taken, .normal, start, slice, nil)
            return nil
        }
        slice.enterLong(call: start.reply)
        let made: State?
        let next: Next
        do {
            let server = try await E(argument)
            next = server.afterInit
            slice.forgetCall()
            made = State.make(_ServerState(server: server, extras: serverExtras))
        } catch {
            let (failure, reason) = _StartOutcome.of(error)
            let draft = _CrashLog.draft(reason, thrown: error, in: slice, state: nil)
            slice.forgetCall()
            ended =
                slice.leaveLong()
                ? Exit.refuse(failure, reason, start, slice, serverExtras, draft)
                : Exit.abandon(slice, nil, serverExtras)
            return nil
        }
        let isMine = slice.leaveLong()
        guard isMine, let state = made else {
            ended =
                isMine
                ? Exit.refuse(.systemLimit, .killed, start, slice, serverExtras)
                : Exit.abandon(slice, made, serverExtras)
            return nil
        }
        carrier.install(state.address)
        start.hasStarted(slice)
        ended = await follow(next, slice, state)
        return state
    }

    /// What a test put in place of a callback.
    @usableFromInline
    nonisolated(nonsending) static func act(on pending: AnyObject, _ slice: _Slice, _ state: State) async -> _Run? {
        guard let outcome = pending as? _InPlaceOutcome, case .thrown(let error) = outcome.kind else { return nil }
        slice.enterLong(call: outcome.call)
        return await crash(error, slice, state)
    }

    // MARK: Idle times

    /// The idle timer fired.
    @usableFromInline
    nonisolated(nonsending) static func timeout(_ slice: _Slice, _ state: State) async -> _Run? {
        guard slice.idleTimerFired(), let extras = state.value.extras else { return nil }
        switch extras.takeDue(slice) {
        case .timeout:
            extras.debug?.came(.info("timeout"), slice)
            return await tell(.timeout, .timeout, slice, state)
        case .hibernation: if let run = hibernate(slice, state) { return run }
        case .nothing: break
        }
        extras.arm(slice)
        return nil
    }

    /// Gives memory back and waits.
    @usableFromInline
    static func hibernate(_ slice: _Slice, _ state: State) -> _Run? {
        slice.enterLong(.hibernation)
        state.value.server.hibernate()
        guard slice.leaveLong() else { return Exit.abandon(slice, state) }
        _ServerExtras.hibernates(state, slice)
        return nil
    }

    // MARK: Ending

    /// An orderly end: terminate, the parked reply, the state, the rest (R10, R11).
    @inlinable
    nonisolated(nonsending) static func exit(_ reason: ExitReason, _ slice: _Slice, _ state: State) async -> _Run {
        var reason = reason
        slice.enterLong(.stop)
        var draft = Exit.report(reason, nil, slice, state)
        do { try await state.value.server.terminate(reason) } catch {
            reason = ExitReason(thrown: error)
            draft = Exit.report(reason, error, slice, state)
        }
        guard slice.leaveLong() else { return Exit.abandon(slice, state) }
        slice.publishParkedReply()
        return Exit.end(reason, slice, state, draft)
    }

    /// A callback threw: terminate runs, with that reason.
    ///
    /// An unpublished reply is dropped.
    @inlinable
    nonisolated(nonsending) static func crash(_ error: any Error, _ slice: _Slice, _ state: State) async -> _Run {
        var reason = ExitReason(thrown: error)
        // Still in user code, and before terminate changes anything.
        var draft = Exit.report(reason, error, slice, state)
        // The request that was being handled fails with the rest, when the process has ended.
        let call = slice.runningCall
        guard slice.leaveLongKeepingCall() else { return Exit.abandon(slice, state) }
        slice.enterLong(call: call)
        do { try await state.value.server.terminate(reason) } catch {
            reason = ExitReason(thrown: error)
            draft = Exit.report(reason, error, slice, state)
        }
        guard slice.leaveLongKeepingCall() else { return Exit.abandon(slice, state) }
        return Exit.end(reason, slice, state, draft)
    }

    /// Killed or told to exit, found by the carrier: no last words, unless it was the parent who said so (R11).
    @usableFromInline
    nonisolated(nonsending) static func die(_ slice: _Slice, _ state: State) async -> _Run {
        let isOrderly = slice.diesByParent
        let reason = ExitReason(slice.takeDeathReason())
        if let pending = slice.takePending() { _InPlaceOutcome.drop(pending) }
        return isOrderly ? await exit(reason, slice, state) : Exit.killed(reason, slice, state)
    }

    /// Killed or told to exit, found by a worker: no last words.
    @inlinable
    static func die(_ worker: _Slice) -> _Run {
        let reason = ExitReason(worker.takeDeathReason())
        if worker.stateIsHeld {
            // Heard by everybody, then by the callback: cancelling runs user code.
            let carrier = _Carrier.holding(worker)
            defer { carrier?.cancel() }
            return Exit.leaveState(reason, worker)
        }
        if let pending = worker.takePending() { _InPlaceOutcome.drop(pending) }
        return Exit.killed(reason, worker, worker.state(_ServerState<E>.self))
    }
}
