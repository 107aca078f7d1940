// SPDX-License-Identifier: Apache-2.0
// What a supervisor sends to itself, so that it waits for nothing.

/// News of children, which a supervisor sends to itself.
public struct ChildNews: Sendable {
    enum Kind: Sendable {
        case started(StartAttempt, Result<Pid, StartError>)
        case waited(StartAttempt)
        /// The child has had its time to end.
        case overdue(Pid)
    }

    let kind: Kind

    init(_ kind: Kind) { self.kind = kind }
}
