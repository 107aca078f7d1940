// SPDX-License-Identifier: Apache-2.0
// From outcomes to CallError.

@usableFromInline
enum _CallFailure {
    /// An outcome that is no reply.
    @usableFromInline
    static func error<Request>(_ outcome: _Outcome, _ pid: UInt64, request: Request.Type) -> CallError {
        error(outcome, pid, type: Request.self)
    }

    /// The same, of a request whose type is known by value.
    static func error(_ outcome: _Outcome, _ pid: UInt64, type: Any.Type) -> CallError {
        let reason: CallError.Reason =
            switch outcome {
            case .timeout: .timeout
            case .noProcess, .shutDown, .value, .granted, .nameTaken: .noProcess
            case .exited(let reason): .exited(ExitReason(reason))
            case .cancelled: .cancelled
            case .overloaded: .overloaded
            case .callingSelf: .callingSelf
            case .cycle(let pids) where pids.count == 1: .callingSelf
            case .cycle(let pids): .cycle(pids.map { Pid(raw: $0) })
            }
        return make(reason, pid, type)
    }

    /// A request that was not sent, as its sender would wait for itself.
    @usableFromInline
    static func cycle<Request>(_ call: _Call, _ request: Request) -> CallError {
        error(call.takeOutcome(), call.pid, request)
    }

    /// The outcome of a request that is at hand still: the error names its case.
    @usableFromInline
    static func error<Request>(_ outcome: _Outcome, _ pid: UInt64, _ request: Request) -> CallError {
        let error = error(outcome, pid, request: Request.self)
        guard let name = caseName(request) else { return error }
        return CallError(reason: error.reason, target: error.target, request: "\(error.request).\(name)")
    }

    /// Type and case of a message, never its values.
    static func name<Message>(of message: borrowing Message) -> String {
        let type = _TypeName.short(String(reflecting: Message.self))
        return caseName(copy message).map { "\(type).\($0)" } ?? type
    }

    /// The name of an enum's case, never its values.
    private static func caseName<Request>(_ request: Request) -> String? {
        let mirror = Mirror(reflecting: request)
        guard mirror.displayStyle == .enum else { return nil }
        if let label = mirror.children.first?.label { return label }
        return request is any CustomStringConvertible || request is any TextOutputStreamable ? nil : "\(request)"
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
        try checkMayBlock(pid, type: Request.self)
    }

    static func checkMayBlock(_ pid: UInt64, type: Any.Type) throws(CallError) {
        if _Threads.isOnSwiftPool { throw make(.wouldBlockPool, pid, type) }
    }

    private static func make(_ reason: CallError.Reason, _ pid: UInt64, _ type: Any.Type) -> CallError {
        // `Counter.Call` as "Counter": the case is not known any more when the request has been sent.
        var name = _TypeName.short(String(reflecting: type))
        if name.hasSuffix(".Call") { name.removeLast(5) }
        return CallError(reason: reason, target: pid == 0 ? nil : Pid(raw: pid), request: name)
    }
}
