// SPDX-License-Identifier: Apache-2.0
// How a start can fail, as the starter sees it. What `init` throws to make it fail is in Ignore and Refusal.

/// Why a server did not start.
///
/// Thrown by every form of start, linked ones included. When it is thrown the process is gone, or was never made, and
/// its name is free again (R1). New cases may be added: a `switch` needs a default.
///
/// OTP: `ignore` and the `{error, Reason}` that `gen_server:start_link/4` returns.
@nonexhaustive
public enum StartError: Error, Sendable {
    /// The name or key belongs to that process; `init` did not run (`{already_started, Pid}`).
    case alreadyStarted(Pid)
    /// `init` threw ``Ignore``: the server decided not to run.
    case ignored
    /// `init` threw this error, or a ``Refusal`` with it.
    case failed(any Error)
    /// A signal ended the process while it was in `init`: with that reason, or killed.
    case exited(ExitReason)
    /// `init` took longer than `StartOptions.timeout`, and the process was killed.
    case timeout
    /// There is no room for another process: slots or memory are used up.
    case systemLimit
    /// The runtime is shut down, or is shutting down.
    case shutDown
    /// The supervisor has as many children as it may have.
    case maxChildren
    /// The supervisor has a child of this id already.
    case duplicateChild(ChildID)
    /// That child of a starting supervisor failed; those started before it have been stopped again.
    indirect case child(ChildID, StartError)
}

extension StartError: CustomStringConvertible {
    /// The failure in words, for logs, as `failed (ConnectionRefused)`.
    ///
    /// Of an error it shows the type's name and never the value, as ``ExitReason`` does; errors of supervisors, registries,
    /// stages and stores are shown in their words.
    public var description: String {
        switch self {
        case .alreadyStarted(let pid): "already started: \(pid)"
        case .ignored: "ignored"
        case .failed(let error): "failed (\(ErrorWords.of(error)))"
        case .exited(let reason): "exited: \(reason)"
        case .timeout: "timeout"
        case .systemLimit: "system limit"
        case .shutDown: "runtime shut down"
        case .maxChildren: "as many children as allowed"
        case .duplicateChild(let id): "duplicate child \(id)"
        case .child(let id, let error): "child \(id): \(error)"
        }
    }
}
