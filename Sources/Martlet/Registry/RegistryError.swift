// SPDX-License-Identifier: Apache-2.0
// Why an entry was not made.

/// Why a process could not be registered.
///
/// New cases may be added: a `switch` needs a default.
@nonexhaustive
public enum RegistryError: Error, Sendable {
    /// The key is unique and that living process's; it may be the one that asked (`{already_registered, Pid}`).
    case alreadyRegistered(Pid)
    /// The registry does not run in the current runtime.
    case notStarted
}

extension RegistryError: ToldError, CustomStringConvertible {
    /// The refusal in words, for logs.
    public var description: String {
        switch self {
        case .alreadyRegistered(let pid): "expected a key that is free, got one of \(pid)"
        case .notStarted: "expected a registry that was started in this runtime, got one that was not"
        }
    }
}
