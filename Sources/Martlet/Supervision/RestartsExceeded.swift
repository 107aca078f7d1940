// SPDX-License-Identifier: Apache-2.0
// Why a program's tree ended by itself, in words that reach its exit status.

/// The tree of an ``Application`` gave up: a child was restarted more often than its budget allows (R19).
///
/// Other supervisors that give up exit `.shutdown`, as in OTP; the one of a program ends it with this error.
public struct RestartsExceeded: Error, Sendable, CustomStringConvertible {
    /// The child that used the budget up.
    public let child: ChildID
    /// The budget.
    public let budget: RestartBudget

    /// What was expected, and what was got.
    public var description: String {
        "child \(child): expected at most \(budget.maxRestarts) restarts within \(budget.within), got one more"
    }
}
