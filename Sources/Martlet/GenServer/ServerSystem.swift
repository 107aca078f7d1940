// SPDX-License-Identifier: Apache-2.0
// What a server does with commands of the system lane, between two messages. Closures of users run as a callback does:
// a kill may take the process out of them.

/// What every server understands: a change of who looks.
struct _DebugCommand: Sendable {
    let body: @Sendable (_ServerDebug, _Slice) -> Void
}

/// User code that makes another state of a server's.
final class _CodeCommand<S: Server & ~Copyable>: Sendable {
    let change: @Sendable (_Slice, _State<_ServerState<S>>) -> _Successor

    init(_ change: @escaping @Sendable (_Slice, _State<_ServerState<S>>) -> _Successor) { self.change = change }
}

/// What became of a state that is moved to another type.
enum _Successor {
    /// Its new type and place, and how to end it should the process be gone by now.
    case state(_ProcessClass, _StateAddress, destroy: () -> Void)
    /// The migration threw, and the old state is as before.
    case kept(any Error)
    /// The migration threw, and the old state is gone.
    case lost(any Error)
    /// There is no memory for another state; the old one is as before.
    case refused
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
            case let code as _CodeCommand<E>:
                if let run = change(slice, state, isLong, reply, code.change) { return run }
            case let debug as _DebugCommand: watch(slice, state, debug.body)
            case let look?:
                var isShown = false
                let visitor = _StateVisitor(command: look, reply: reply)
                guard user(slice, isLong, reply, { isShown = state.value.server._show(to: visitor) }) else {
                    return Exit.abandon(slice, state)
                }
                if !isShown { slice.refuse() }
            case nil:
                if let show = command.show {
                    var text = ""
                    guard user(slice, isLong, reply, { text = state.value.server.formatStatus() }) else {
                        return Exit.abandon(slice, state)
                    }
                    show(slice, text)
                } else if let own = command.own {
                    own(slice)
                } else {
                    slice.refuse()
                }
            }
        }
        return nil
    }

    /// Calls the sinks with what happened in the last message; nil: the engine goes on.
    @usableFromInline
    static func tell(_ debug: _ServerDebug, _ slice: _Slice, _ state: State, isLong: Bool) -> _Run? {
        debug.returned(slice, isSynchronous: !isLong)
        guard debug.hasUntold else { return nil }
        guard user(slice, isLong, 0, { debug.tell() }) else { return Exit.abandon(slice, state) }
        // Its last sink threw.
        if debug.isIdle { keep(debug, slice, state) }
        return nil
    }

    /// Runs user code; false: the process was taken out of it.
    private static func user(_ slice: _Slice, _ isLong: Bool, _ reply: UInt64, _ body: () -> Void) -> Bool {
        if isLong { slice.enterLong(call: reply) } else { slice.enter(call: reply) }
        body()
        // Answered below, or by `body`; an answer that is missing is not deferred.
        slice.forgetCall()
        return isLong ? slice.leaveLong() : slice.leave()
    }

    private static func watch(_ slice: _Slice, _ state: State, _ body: (_ServerDebug, _Slice) -> Void) {
        let debug = state.value.extras?.debug ?? _ServerDebug()
        body(debug, slice)
        keep(debug, slice, state)
    }

    /// Keeps what is looked with while somebody looks; then the server is as it was, in place again too.
    private static func keep(_ debug: _ServerDebug, _ slice: _Slice, _ state: State) {
        if debug.isIdle {
            state.value.extras?.debug = nil
            if state.value.extras?.isEmpty == true { state.value.extras = nil }
        } else {
            _ServerExtras.ensure(state).debug = debug
        }
        // Without memory what is handled in place is not seen; nothing else is lost.
        _ = slice.watch(!debug.isIdle)
    }

    /// The process goes on with another state, or with the old one (nil), or ends with what the migration threw.
    private static func change(
        _ slice: _Slice, _ state: State, _ isLong: Bool, _ reply: UInt64,
        _ body: (_Slice, State) -> _Successor
    ) -> _Run? {
        let extras = state.value.extras
        if isLong { slice.enterLong(call: reply) } else { slice.enter(call: reply) }
        let successor = body(slice, state)
        switch successor {
        case .lost(let error):
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
            _Answer.give(nil as (any Error)?, to: reply)
            return .left
        case .kept(let error):
            slice.forgetCall()
            guard isLong ? slice.leaveLong() : slice.leave() else { return Exit.abandon(slice, state) }
            _Answer.give(error as (any Error)?, to: reply)
            return nil
        case .refused:
            slice.forgetCall()
            guard isLong ? slice.leaveLong() : slice.leave() else { return Exit.abandon(slice, state) }
            slice.refuseForMemory()
            return nil
        }
    }
}
