// SPDX-License-Identifier: Apache-2.0
// Why a process ended, as data that travels by signals. Not a Swift error: ExitSignal is the bridge to those.
//
// One word: the two cases with a payload each hold one pointer (`error` the error's own box, `shutdownWith` an indirect
// one) and are told apart by its spare bits. Signals, reply slots and what a callback returns carry a reason by value
// and rely on its size.

/// Why a process ended, or is told to end.
///
/// A reason reaches everyone who asked: linked processes as an exit signal (or as an `Info.exit` if they trap exits),
/// monitors as an `Info.down`, callers as a failed call. All of them see the same reason. Everything but `normal`,
/// `shutdown` and `shutdownWith` is abnormal, see ``isAbnormal``.
///
/// OTP: the exit reasons `normal`, `shutdown`, `{shutdown, Term}`, `killed`, `noproc`, and any other term, which here
/// is an error.
public enum ExitReason: Sendable {
    /// It finished its work. As a signal from another process it is ignored, unless exits are trapped (R13).
    case normal
    /// It was told to stop in good order, as supervisors tell their children.
    case shutdown
    /// It stopped in good order and left a value for whoever watches (`{shutdown, Term}`).
    indirect case shutdownWith(any Sendable)
    /// It was killed: nothing of its own code ran any more, except the destruction of its state. Linked processes see
    /// this reason, which they can trap, unlike the kill itself (R13).
    case killed
    /// There was no such process to watch, link or call; why it ended is not known any more (`noproc`).
    case noProcess
    /// One of its callbacks threw this error, or it was told to end with it.
    case error(any Error)

    /// Whether the end counts as a failure.
    ///
    /// An abnormal end takes linked processes along, unless they trap exits (R14); it writes a crash report (R16); and
    /// a supervisor restarts a transient child after it. `normal`, `shutdown` and `shutdownWith` are not abnormal;
    /// `killed`, `noProcess` and `error` are.
    public var isAbnormal: Bool {
        switch self {
        case .normal, .shutdown, .shutdownWith: false
        case .killed, .noProcess, .error: true
        }
    }

    /// Whether both are the same case and carry no value.
    ///
    /// Values are not compared: they need not be `Equatable`.
    func isSamePlainCase(as other: ExitReason) -> Bool {
        switch (self, other) {
        case (.normal, .normal), (.shutdown, .shutdown), (.killed, .killed), (.noProcess, .noProcess): true
        default: false
        }
    }

    /// Whether both are one and the same reason: a value or error that travelled from the one to the other.
    func isIdentical(to other: ExitReason) -> Bool { isSamePlainCase(as: other) || _Reason.isSameWord(self, other) }
}

extension ExitReason: CustomStringConvertible {
    /// The reason in words, for logs: `normal`, `shutdown`, `shutdown (Summary)`, `killed`, `no process`,
    /// `error (ParseFailure)`.
    ///
    /// The rule: of an error and of the value of `shutdownWith` it shows the type's name and never the value, which may
    /// hold a user's data or a secret. Interpolation, `print` and `debugPrint` all follow it, also where the reason is
    /// inside an optional, a collection or another value. To show the value, match the case and take it out; `dump`
    /// and mirrors show it as well.
    public var description: String {
        switch self {
        case .normal: "normal"
        case .shutdown: "shutdown"
        case .shutdownWith(let value): "shutdown (\(type(of: value)))"
        case .killed: "killed"
        case .noProcess: "no process"
        case .error(let error): "error (\(ErrorWords.of(error)))"
        }
    }
}
