// SPDX-License-Identifier: Apache-2.0
// How many restarts are allowed in a sliding window (R19).

/// So many restarts within so long; one more and the supervisor gives up.
///
/// A supervisor has one, 3 in 5 s. A child may have its own (``ChildSpec/budget``): its restarts then do not count with the
/// supervisor's, so that one child that is known to be shaky does not use up what the others need.
///
/// OTP: `intensity` and `period` of the supervisor flags; per child: none.
public struct RestartBudget: Sendable, Hashable {
    /// Restarts allowed within the window; 0 allows none.
    public var maxRestarts: Int
    /// The length of the sliding window.
    public var within: Duration

    /// Makes a budget; by default 3 restarts in 5 s.
    ///
    /// Traps when `maxRestarts` is negative or `within` not positive.
    ///
    /// - Parameters:
    ///   - maxRestarts: restarts allowed within the window.
    ///   - within: the length of the window.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    public init(
        maxRestarts: Int = 3, within: Duration = .seconds(5), file: StaticString = #fileID, line: UInt = #line
    ) {
        precondition(maxRestarts >= 0, "expected maxRestarts of 0 or more, got \(maxRestarts)", file: file, line: line)
        precondition(within > .zero, "expected a window longer than zero, got \(within)", file: file, line: line)
        self.maxRestarts = maxRestarts
        self.within = within
    }
}
