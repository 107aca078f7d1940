// SPDX-License-Identifier: Apache-2.0
// Exit reasons on their way through the core.

extension ExitReason {
    /// As the core carries it.
    @usableFromInline var boxed: _Reason {
        switch self {
        case .normal: .normal
        case .killed: .killed
        case .noProcess: .noProcess
        default: _Reason(self)
        }
    }

    /// From the core.
    @usableFromInline
    init(_ reason: _Reason) {
        switch reason.value {
        case let reason as ExitReason: self = reason
        case _Reason.Builtin.normal: self = .normal
        case _Reason.Builtin.noProcess: self = .noProcess
        default: self = .killed
        }
    }

    /// The reason a process ends with when its code threw `error`.
    @usableFromInline
    init(thrown error: any Error) {
        if let signal = error as? ExitSignal { self = signal.reason } else { self = .error(error) }
    }
}
