// SPDX-License-Identifier: Apache-2.0
// What reaches a process besides calls and casts. Replies and start acknowledgements are not among it: they never enter
// a mailbox.

/// What a process receives outside of calls and casts: a message of its declared type, or news from the runtime.
///
/// Each is handled in turn, on the process's own flow of control. What one sender sent arrives in the order of sending,
/// whatever its kinds; between different senders there is no order (R5).
///
/// Printing an `Info` prints the message in it. In logs that others read, name the case and the type instead.
///
/// OTP: what `handle_info/2` receives.
public enum Info<Message: Sendable>: Sendable {
    /// A message of the declared type: from `send`, a timer or a subscription.
    case message(Message)
    /// The idle time that the last callback asked for has passed and no message came in between (R7).
    ///
    /// It comes once; the next one has to be asked for again. Any message takes the request away.
    case timeout
    /// A linked process ended, and this process traps exits (`{'EXIT', From, Reason}`, R12).
    ///
    /// The exit of the parent does not arrive here: it ends a server in good order, through its `terminate`.
    case exit(Pid, ExitReason)
    /// A monitored process ended, or was not there when the monitor was set: then the reason is `noProcess`
    /// (`{'DOWN', Ref, process, Pid, Reason}`).
    ///
    /// It is the last thing heard of that process, and comes once a monitor.
    case down(MonitorRef, Pid, ExitReason)
    /// A value of some other type, sent untyped with `Pid.send(any:)`. Logged by its type where it is not handled,
    /// never fatal (R17).
    case unexpected(any Sendable)
}
