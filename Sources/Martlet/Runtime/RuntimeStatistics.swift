// SPDX-License-Identifier: Apache-2.0
// The counters of one runtime, as values. Not the counting: that is done by the workers, each on its own cache line.

/// The counters of one runtime since its start.
///
/// The first four obey a law of conservation: at rest, with nothing queued and no handler running,
/// `sent == handled + refused + discarded`. A difference means that a message was lost or duplicated, and tests check
/// it at their end. While the runtime works, the workers' counters are read one after the other, so that a copy may
/// show a message as handled and not yet as sent.
///
/// All counters of events only grow; `processes` and `timers` tell how many there are now. A value of this type is a
/// copy: it may be kept, compared, encoded and sent to any thread.
///
/// OTP: `erlang:statistics/1` and `erlang:system_info/1`, which have no counterpart of the conservation law.
public struct RuntimeStatistics: Sendable, Equatable, Codable {
    /// Messages offered to a mailbox: calls, casts and sends, whether it took them or not.
    public var sent: UInt64 = 0
    /// Messages given to a handler, or returned by `receive`.
    public var handled: UInt64 = 0
    /// Messages that a mailbox refused because it was full or its process had ended.
    public var refused: UInt64 = 0
    /// Messages that were queued and destroyed unhandled: with a process that ended, in favour of a newer one, or
    /// because their deadline had passed.
    public var discarded: UInt64 = 0
    /// Processes that live now.
    public var processes: Int = 0
    /// Timers that are armed now.
    public var timers: Int = 0
    /// Processes started so far.
    public var spawns: UInt64 = 0
    /// Processes ended so far.
    public var exits: UInt64 = 0
    /// How often a worker took a process from another worker's queue.
    public var steals: UInt64 = 0
    /// How often a worker went to sleep because there was nothing to run.
    public var parks: UInt64 = 0
    /// The longest time from the moment a timer was due to its delivery.
    ///
    /// A large one tells of blocked or starved workers.
    public var timerLag: Duration = .zero

    /// All counters at zero, as at the start of a runtime.
    public init() {}
}
