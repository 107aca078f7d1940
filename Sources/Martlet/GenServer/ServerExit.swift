// SPDX-License-Identifier: Apache-2.0
// The end of a server, as the synchronous and the asynchronous engine do it: what comes after the last callback.

@usableFromInline
enum _ServerExit<E: Server & ~Copyable> {
    @usableFromInline typealias State = _State<_ServerState<E>>

    /// `init` made no server: the name is freed, then the starter hears why (R1).
    @usableFromInline
    static func refuse(
        _ failure: StartError, _ reason: ExitReason, _ start: _Starter, _ slice: _Slice, _ extras: _ServerExtras?,
        _ draft: _CrashDraft? = nil
    ) -> _Run {
        slice.forgetStart()
        slice.beginExit(reason.boxed)
        extras?.unregisterVia(slice.pid)
        slice.finishExit()
        _CrashLog.file(draft)
        start.hasFailed(failure)
        return .exited
    }

    /// From here senders are told that there is no process; then the state, the name, the rest.
    ///
    /// Owner.
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

    /// The same where there is no state any more.
    @usableFromInline
    static func endWithoutState(
        _ reason: ExitReason, _ slice: _Slice, _ extras: _ServerExtras?, _ draft: _CrashDraft?
    ) -> _Run {
        slice.beginExit(reason.boxed)
        extras?.unregisterVia(slice.pid)
        slice.finishExit()
        _CrashLog.file(draft)
        return .exited
    }

    /// The same after a signal: no user code runs any more, so the state is not shown.
    @inlinable
    static func killed(_ reason: ExitReason, _ slice: _Slice, _ state: State) -> _Run {
        end(reason, slice, state, _CrashLog.draft(reason, thrown: nil, in: slice, state: nil))
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

    /// The same where a callback that was taken the process from uses the state, or `init` is still making it.
    @usableFromInline
    static func leaveState(_ reason: ExitReason, _ slice: _Slice) -> _Run {
        slice.beginExit(reason.boxed)
        slice.finishExit()
        return .exited
    }

    /// The process was taken away while user code ran: this frame destroys the state and touches nothing else.
    @inlinable
    static func abandon(_ slice: _Slice, _ state: State) -> _Run { abandon(slice, state, state.value.extras) }

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
