// SPDX-License-Identifier: Apache-2.0
// What `sys` shows of a server. Types and sizes, never values.

/// One thing that happened in a server (`sys:log/2`): types and cases, never values.
public struct SysEvent: Sendable {
    /// What happened.
    @nonexhaustive
    public enum Kind: Sendable {
        /// A call of that type and case came in, from that process if it was one.
        case call(String, from: Pid?)
        /// A cast of that type and case came in.
        case cast(String)
        /// A message of that type and case, or a signal, came in.
        case info(String)
        /// A reply went out, to that process if it was one.
        case reply(to: Pid?)
        /// A callback returned.
        case next
    }

    /// The server.
    public let pid: Pid
    /// What happened.
    public let kind: Kind
    /// When, on the runtime's clock.
    public let time: Duration
}

/// Counters of one server since `Sys.collectStatistics(true)` (`sys:statistics/2`).
public struct ServerStatistics: Sendable, Equatable {
    /// When counting began, on the runtime's clock.
    public let since: Duration
    /// Messages handled.
    public internal(set) var messagesIn: UInt64 = 0
    /// Replies given, and messages sent by synchronous callbacks.
    public internal(set) var messagesOut: UInt64 = 0
    /// Time spent in callbacks.
    public internal(set) var busy: Duration = .zero
}

/// A server as `Sys.status` shows it (`sys:get_status/1`).
public struct ServerStatus: Sendable {
    /// The process.
    public let process: ProcessStatus
    /// What its `formatStatus` returned; empty for a raw process.
    public let state: String
    /// Whether it is suspended.
    public let isSuspended: Bool
}
