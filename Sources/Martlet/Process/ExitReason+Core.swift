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
        // Shared objects by their address: the cast that would tell them from the rest looks for conformances.
        if reason === _Reason.killed { self = .killed } else if reason === _Reason.normal { self = .normal } else {
            self = reason === _Reason.noProcess ? .noProcess : reason.value as? ExitReason ?? .killed
        }
    }

    /// The reason a process ends with when its code threw `error`.
    @usableFromInline
    init(thrown error: any Error) {
        if let signal = error as? ExitSignal { self = signal.reason } else { self = .error(error) }
    }
}
