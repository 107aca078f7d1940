// SPDX-License-Identifier: Apache-2.0
// What a supervisor answers when it does not do as asked. Failed starts are StartError.

/// A request that a supervisor refuses.
///
/// New cases may be added: a `switch` needs a default.
@nonexhaustive
public enum SupervisorError: Error, Sendable {
    /// No child has that id.
    case notFound(ChildID)
    /// It runs, or is being started again; stop it first.
    case running(ChildID)
    /// It could not be started again.
    case start(StartError)
    /// The supervisor could not be asked.
    case call(CallError)
    /// Its spec contradicts itself or its supervisor: what was expected, and what was got.
    case invalidChild(ChildID, String)
    /// Its start returned the supervisor itself.
    case ownChild(ChildID)
    /// A supervisor was started with a bounded mailbox, which would lose news of its children.
    case boundedMailbox
}

extension SupervisorError: CustomStringConvertible {
    /// The refusal in words, for logs.
    public var description: String {
        switch self {
        case .notFound(let id): "no child \(id)"
        case .running(let id): "child \(id) runs"
        case .start(let error): "start failed: \(error)"
        case .call(let error): "supervisor not reached: \(error)"
        case .invalidChild(let id, let why): "child \(id): \(why)"
        case .ownChild(let id): "child \(id): expected a new process, got the supervisor itself"
        case .boundedMailbox: "expected an unbounded mailbox for a supervisor, got one with a bound"
        }
    }
}
