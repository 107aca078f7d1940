// SPDX-License-Identifier: Apache-2.0
// How long to wait before a restart. Not how often: that is a RestartBudget.

/// A growing, jittered delay before the restarts of one child.
///
/// The n-th restart in a row waits `first * factor^(n - 1)`, at most `max`; of that, a part of up to `jitter` is taken off
/// at random, so that children which failed together do not come back together. A child that ran for `max` since its last
/// start begins anew. The supervisor does not wait: it serves the others meanwhile.
///
/// OTP has none; its users ask for it.
///
/// When not to use: for a child whose own state is the fault. A restart mends that at once or never, and waiting only puts
/// off that the supervisor gives up.
public struct Backoff: Sendable {
    /// The first delay.
    public var first: Duration
    /// The longest delay, and the time after which a running child counts as healthy.
    public var max: Duration
    /// Each delay over the one before; 1 for equal delays.
    public var factor: Double
    /// The part of a delay that is random, 0...1.
    public var jitter: Double

    /// Makes a backoff; by default 100 ms, doubling to 30 s, a tenth of it random.
    ///
    /// Traps when a value is out of range.
    ///
    /// - Parameters:
    ///   - first: the first delay; not negative.
    ///   - max: the longest delay; not below `first`.
    ///   - factor: each delay over the one before; at least 1.
    ///   - jitter: the part that is random; 0...1.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    public init(
        first: Duration = .milliseconds(100), max: Duration = .seconds(30), factor: Double = 2, jitter: Double = 0.1,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        precondition(first >= .zero, "expected a first delay of zero or more, got \(first)", file: file, line: line)
        precondition(max >= first, "expected max to be at least \(first), got \(max)", file: file, line: line)
        precondition(
            factor >= 1 && factor.isFinite, "expected a factor of 1 or more, got \(factor)", file: file, line: line)
        precondition((0...1).contains(jitter), "expected a jitter of 0...1, got \(jitter)", file: file, line: line)
        self.first = first
        self.max = max
        self.factor = factor
        self.jitter = jitter
    }

    /// The delay before a restart.
    ///
    /// - Parameters:
    ///   - attempt: 1 for the first restart in a row.
    ///   - random: 0..<1.
    func delay(attempt: Int, random: Double) -> Duration {
        var delay = first
        for _ in 1..<Swift.max(1, attempt) where delay < max { delay = Swift.min(max, delay * factor) }
        return delay * (1 - jitter * random)
    }
}
