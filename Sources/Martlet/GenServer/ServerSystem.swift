// SPDX-License-Identifier: Apache-2.0
// What a server does with commands of the system lane, between two messages. Closures of users run as a callback does:
// a kill may take the process out of them.

/// What every server understands.
enum _ServerAction: Sendable {
    /// Shows itself.
    case status
    /// Changes who looks.
    case debug(@Sendable (_ServerDebug, _Slice) -> Void)
}

/// What a server of one type understands: its state.
final class _StateCommand<S: Server & ~Copyable>: Sendable {
    enum Action: Sendable {
        /// User code with the state; it answers the reply slot.
        case look(@Sendable (_State<_ServerState<S>>, UInt64) -> Void)
        /// User code that makes another state of it.
        case change(@Sendable (_Slice, _State<_ServerState<S>>) -> _Successor)
    }
    let action: Action

    init(_ action: Action) { self.action = action }
}

/// What became of a state that is moved to another type.
enum _Successor {
    /// Its new type and place, and how to end it should the process be gone by now.
    case state(_ProcessClass, _StateAddress, destroy: () -> Void)
    /// The migration threw, and the old state is gone.
    case failed(any Error)
}

@usableFromInline
enum _ServerSystem<E: Server & ~Copyable> {
    @usableFromInline typealias State = _State<_ServerState<E>>
    @usableFromInline typealias Exit = _ServerExit<E>

    /// Performs what waits; nil: the engine goes on, `left`: the process goes on as another type.
    ///
    /// Owner, between messages.
    ///
    /// - Parameter isLong: the engine's callbacks may suspend.
    @usableFromInline
    static func perform(_ slice: _Slice, _ state: State, isLong: Bool) -> _Run? {
        while let command = slice.nextCommand() {
            let reply = slice.reply
            switch command.ofServer {
            case let typed as _StateCommand<E>:
                switch typed.action {
                case .look(let body):
                    guard user(slice, isLong, reply, { body(state, reply) }) else { return Exit.abandon(slice, state) }
                case .change(let body): return change(slice, state, isLong, reply, body)
                }
            case _ServerAction.status as _ServerAction:
                var text = ""
                guard user(slice, isLong, reply, { text = state.value.server.formatStatus() }) else {
                    return Exit.abandon(slice, state)
                }
                answerStatus(slice, text, reply)
            case let action as _ServerAction:
                if case .debug(let body) = action { look(slice, state, body) }
            default: if let own = command.own { own(slice) } else { slice.refuse() }
            }
        }
        return nil
    }

    /// Calls the sinks with what happened in the last message; nil: the engine goes on.
    @usableFromInline
    static func tell(_ debug: _ServerDebug, _ slice: _Slice, _ state: State, isLong: Bool) -> _Run? {
        debug.returned(slice, isSynchronous: !isLong)
        guard debug.hasUntold else { return nil }
        return user(slice, isLong, 0, { debug.tell() }) ? nil : Exit.abandon(slice, state)
    }

    /// Runs user code; false: the process was taken out of it.
    private static func user(_ slice: _Slice, _ isLong: Bool, _ reply: UInt64, _ body: () -> Void) -> Bool {
        if isLong { slice.enterLong(call: reply) } else { slice.enter(call: reply) }
        body()
        // Answered below, or by `body`; an answer that is missing is not deferred.
        slice.forgetCall()
        return isLong ? slice.leaveLong() : slice.leave()
    }

    private static func answerStatus(_ slice: _Slice, _ text: String, _ reply: UInt64) {
        guard let process = ProcessStatus(of: Pid(raw: slice.pid)) else { return slice.refuse() }
        _Answer.give(ServerStatus(process: process, state: text, isSuspended: slice.isSuspended), to: reply)
    }

    private static func look(_ slice: _Slice, _ state: State, _ body: (_ServerDebug, _Slice) -> Void) {
        let extras = _ServerExtras.ensure(state)
        let debug = extras.debug ?? _ServerDebug()
        body(debug, slice)
        extras.debug = debug.isIdle ? nil : debug
        // Without memory what is handled in place is not seen; nothing else is lost.
        _ = slice.watch(!debug.isIdle)
    }

    /// The process goes on with another state, or ends with what the migration threw.
    private static func change(
        _ slice: _Slice, _ state: State, _ isLong: Bool, _ reply: UInt64,
        _ body: (_Slice, State) -> _Successor
    ) -> _Run {
        let extras = state.value.extras
        if isLong { slice.enterLong(call: reply) } else { slice.enter(call: reply) }
        let successor = body(slice, state)
        switch successor {
        case .failed(let error):
            let reason = ExitReason(thrown: error)
            let draft = reason.isAbnormal ? _CrashLog.draft(reason, thrown: error, in: slice, state: nil) : nil
            let isMine = isLong ? slice.leaveLongKeepingCall() : slice.leaveKeepingCall()
            guard isMine else { return Exit.abandon(slice, nil, extras) }
            return Exit.endWithoutState(reason, slice, extras, draft)
        case .state(let processClass, let address, let destroy):
            slice.forgetCall()
            guard isLong ? slice.leaveLong() : slice.leave() else {
                destroy()
                return Exit.abandon(slice, nil, extras)
            }
            slice.install(address)
            slice.become(processClass)
            _Answer.give((), to: reply)
            return .left
        }
    }
}
