// SPDX-License-Identifier: Apache-2.0
// What a throw out of `init` means (R2).

@usableFromInline
enum _StartOutcome {
    /// What the starter is told, and the reason the process ends with.
    @usableFromInline
    static func of(_ error: any Error) -> (StartError, ExitReason) {
        switch error {
        case let failure as InitFailure: (failure.error, failure.reason)
        case is Ignore: (.ignored, .normal)
        case let refusal as Refusal: (.failed(refusal.error), .normal)
        case let signal as ExitSignal: (.exited(signal.reason), signal.reason)
        default: (.failed(error), .error(error))
        }
    }
}

/// Thrown by an `init` of the library's own: what the starter is told, and what the process ends with.
struct InitFailure: Error {
    let error: StartError
    let reason: ExitReason

    init(_ error: StartError, exit reason: ExitReason) {
        self.error = error
        self.reason = reason
    }
}
