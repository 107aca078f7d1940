// SPDX-License-Identifier: Apache-2.0
// From outcomes to CallError.

@usableFromInline
enum _CallFailure {
    /// An outcome that is no reply.
    @usableFromInline
    static func error<Request>(_ outcome: _Outcome, _ pid: UInt64, request: Request.Type) -> CallError {
        let reason: CallError.Reason =
            switch outcome {
            case .timeout: .timeout
            case .noProcess, .shutDown, .value, .granted, .nameTaken: .noProcess
            case .exited(let reason): .exited(ExitReason(reason))
            case .cancelled: .cancelled
            case .overloaded: .overloaded
            case .callingSelf: .callingSelf
            }
        return make(reason, pid, request)
    }

    /// A call that did not begin.
    @usableFromInline
    static func error<Request>(_ refused: _Refused, _ pid: UInt64, request: Request.Type) -> CallError {
        switch refused {
        case .noProcess: make(.noProcess, pid, request)
        case .callingSelf: make(.callingSelf, pid, request)
        case .overloaded: make(.overloaded, pid, request)
        }
    }

    /// A call that found no room; its slot is given back.
    @usableFromInline
    static func error<Request>(_ room: _Room, _ call: _Call, request: Request.Type) -> CallError {
        call.discard()
        if case .noProcess = room { return make(.noProcess, call.pid, request) }
        call.countRefused(request)
        return make(.overloaded, call.pid, request)
    }

    /// A blocking call on a thread of Swift's cooperative pool would take that thread away from every task.
    @usableFromInline
    static func checkMayBlock<Request>(_ pid: UInt64, request: Request.Type) throws(CallError) {
        if _Threads.isOnSwiftPool { throw make(.wouldBlockPool, pid, request) }
    }

    private static func make<Request>(_ reason: CallError.Reason, _ pid: UInt64, _: Request.Type) -> CallError {
        // `Counter.Call` as "Counter": the case is not known any more when the request has been sent.
        var name = _shortTypeName(Request.self)
        if name.hasSuffix(".Call") { name.removeLast(5) }
        return CallError(reason: reason, target: pid == 0 ? nil : Pid(raw: pid), request: name)
    }
}
