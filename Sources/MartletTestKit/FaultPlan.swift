// SPDX-License-Identifier: Apache-2.0
// What goes wrong on purpose.

internal import Martlet

/// What goes wrong on purpose in a deterministic run.
///
/// Messages are counted from 1, those that servers take out of their mailboxes: calls, casts, messages and ticks. A call
/// that runs on its caller's thread (`.caller`) passes none. Which server is hit is chosen by the seed; raw processes
/// and probes are spared. Faults stop when the body has returned.
///
/// ```swift
/// try await explore(seeds: 0..<1_000, faults: .killing(everyMessages: 5) + .delaying(everyMessages: 3)) { test in … }
/// ```
public struct FaultPlan: Sendable {
    var faults = DeterministicRun.Faults()

    /// Nothing.
    public static let none = FaultPlan()

    /// Makes the handler of the n-th message throw ``InjectedFault`` in place of its work: the server ends, the request
    /// fails.
    ///
    /// - Parameter n: counted from 1; traps below it.
    /// - Returns: the plan.
    public static func throwing(atMessage n: Int) -> FaultPlan { of(n) { $0.throwAt = n } }

    /// Kills a random server before every n-th message, perhaps the one that was about to handle it.
    ///
    /// - Parameter n: at least 1; traps below it.
    /// - Returns: the plan.
    public static func killing(everyMessages n: Int) -> FaultPlan { of(n) { $0.killEvery = n } }

    /// Lets time pass before every n-th message though there is work to do, as on a machine that is too slow: deadlines
    /// come before replies.
    ///
    /// - Parameters:
    ///   - n: at least 1.
    ///   - longest: each delay is a random number of milliseconds up to this; 10 s by default.
    /// - Returns: the plan.
    public static func delaying(everyMessages n: Int, upTo longest: Duration = .seconds(10)) -> FaultPlan {
        of(n) {
            $0.delayEvery = n; $0.delayMax = longest
        }
    }

    /// Fills a random bounded mailbox before every n-th message until nothing else can run: its senders meet the overflow
    /// policy.
    ///
    /// - Parameter n: at least 1; traps below it.
    /// - Returns: the plan.
    public static func overflowing(everyMessages n: Int) -> FaultPlan { of(n) { $0.overflowEvery = n } }

    /// Both; where they say the same thing, the right one.
    ///
    /// - Parameters:
    ///   - left: a plan.
    ///   - right: another.
    /// - Returns: the plan of both.
    public static func + (left: FaultPlan, right: FaultPlan) -> FaultPlan {
        var both = left
        if right.faults.throwAt > 0 { both.faults.throwAt = right.faults.throwAt }
        if right.faults.killEvery > 0 { both.faults.killEvery = right.faults.killEvery }
        if right.faults.delayEvery > 0 {
            both.faults.delayEvery = right.faults.delayEvery
            both.faults.delayMax = right.faults.delayMax
        }
        if right.faults.overflowEvery > 0 { both.faults.overflowEvery = right.faults.overflowEvery }
        return both
    }

    private static func of(_ n: Int, _ set: (inout DeterministicRun.Faults) -> Void) -> FaultPlan {
        precondition(n >= 1, "expected a message number of at least 1, got \(n)")
        var plan = FaultPlan()
        set(&plan.faults)
        return plan
    }
}

/// What a handler throws by ``FaultPlan/throwing(atMessage:)``.
public struct InjectedFault: Error, Hashable {
    /// The fault; there is only one.
    public init() {}
}
