// SPDX-License-Identifier: Apache-2.0
// Timers: a message after a delay, or something repeated.

public import CMartlet

@usableFromInline
enum _Timers {
    /// Sends a value after a delay; 0 when no timer could be armed: out of memory, the runtime is shut down, or the
    /// calling process was killed.
    ///
    /// Then the value is gone.
    @inlinable
    static func sendAfter<Value>(_ delay: UInt64, _ value: consuming Value, to pid: UInt64) -> UInt64 {
        guard let thread = unsafe mt_thread_self(),
            let node = unsafe _Node.make(thread, value, kind: .message)
        else { return 0 }
        var ref: UInt64 = 0
        // A timer to a dead pid is counted when it is due, in the runtime that it was armed in.
        let core = unsafe mt_pid_runtime(pid) ?? Runtime.currentCore.pointer
        if unsafe mt_timed_send(thread, core, delay, pid, node.pointer, &ref) == .ok { return ref }
        unsafe node.drop(thread)
        return 0
    }

    /// Sends a process a message that it is owed: past the bound of its mailbox, and nothing displaces it.
    ///
    /// False: the process has ended, or there is no memory; the message is gone. Not from code of a process.
    static func owe<Message>(_ message: consuming Message, to pid: UInt64) -> Bool {
        guard let thread = unsafe mt_thread_self(), let core = unsafe mt_pid_runtime(pid),
            let node = unsafe _Node.make(thread, message, kind: .message)
        else { return false }
        var ref: UInt64 = 0
        if unsafe mt_timed_owe(thread, core, 0, pid, node.pointer, &ref) == .ok { return true }
        unsafe node.drop(thread)
        return false
    }

    /// Sends the calling process a value after a delay, as `Pid.send(any:)` does, but past the bound of its mailbox; 0 as
    /// above.
    static func remind(after delay: UInt64, of value: any Sendable) -> UInt64 {
        let pid = _CurrentProcess.pid
        // The cast keeps the existential closed, as the receiver takes out an `any Sendable`.
        guard let thread = unsafe mt_thread_self(), let core = unsafe mt_pid_runtime(pid),
            let node = unsafe _Node.make(thread, value as any Sendable, kind: .unexpected)
        else { return 0 }
        var ref: UInt64 = 0
        if unsafe mt_timed_owe(thread, core, delay, pid, node.pointer, &ref) == .ok { return ref }
        unsafe node.drop(thread)
        return 0
    }

    /// Runs `action` once after a delay, or every period; on a worker, between two turns.
    ///
    /// It must be short.
    private static func run(
        after delay: UInt64, period: UInt64, isFixedDelay: Bool, _ action: @escaping @Sendable () -> Void
    ) -> UInt64 {
        guard let thread = unsafe mt_thread_self() else { return 0 }
        let runtime = Runtime.current
        // Names resolve in the runtime that the timer was armed in, also where a test's thread drives its clock.
        let timed = _TimedAction(isRepeated: period > 0) {
            if Runtime.ofThread === runtime { return action() }
            mt_tasks_note(MT_TASKS_RUNTIME)
            Runtime.$taskCurrent.withValue(runtime, operation: action)
        }
        let payload = unsafe Unmanaged.passRetained(timed).toOpaque()
        var ref: UInt64 = 0
        let policy: mt_timer_policy_t = isFixedDelay ? .fixedDelay : .fixedRate
        let status = unsafe mt_timed_call(
            thread, runtime.core.pointer, delay, period, policy, _TimedAction.operations, payload, &ref)
        if status == .ok { return ref }
        unsafe Unmanaged<_TimedAction>.fromOpaque(payload).release()
        return 0
    }

    /// Sends a message every period.
    ///
    /// One that is still in the mailbox when the next is due is not sent again.
    static func every<Message: Sendable>(
        _ period: UInt64, isFixedDelay: Bool, _ message: Message, to target: @escaping @Sendable () -> UInt64
    ) -> UInt64 {
        let ticker = _Ticker()
        return run(after: max(period, 1), period: max(period, 1), isFixedDelay: isFixedDelay) {
            if ticker.hasWaiting { return }
            _ = _Post.send(_Tick(message: message, waiting: ticker.token), kind: .tick, to: target())
        }
    }

    static func once(after delay: UInt64, _ action: @escaping @Sendable () -> Void) -> UInt64 {
        run(after: delay, period: 0, isFixedDelay: false, action)
    }

    static func cancel(_ ref: UInt64) -> UInt64? {
        var remaining: UInt64 = 0
        return unsafe mt_timers_cancel(ref, &remaining) ? remaining : nil
    }

    static func remaining(_ ref: UInt64) -> UInt64? {
        var remaining: UInt64 = 0
        return unsafe mt_timers_remaining(ref, &remaining) ? remaining : nil
    }
}

/// A message of a repeated timer; `waiting` says by its mere existence that it has not been handled or dropped.
@usableFromInline
struct _Tick<Message> {
    @usableFromInline let message: Message
    @usableFromInline let waiting: _Ticker.Token
}

/// Knows whether its last message still waits somewhere: then the token has a second owner.
@usableFromInline
final class _Ticker: @unchecked Sendable {  // used by one firing at a time
    @usableFromInline
    final class Token: Sendable {}

    private(set) var token = Token()

    var hasWaiting: Bool { !isKnownUniquelyReferenced(&token) }
}

/// What a timer does when it fires.
private final class _TimedAction: Sendable {
    let action: @Sendable () -> Void
    let isRepeated: Bool

    init(isRepeated: Bool, _ action: @escaping @Sendable () -> Void) {
        self.action = action
        self.isRepeated = isRepeated
    }

    /// For the core; never freed.
    nonisolated(unsafe) static let operations: UnsafePointer<mt_timer_ops_t> = {
        let operations = UnsafeMutablePointer<mt_timer_ops_t>.allocate(capacity: 1)
        unsafe operations.initialize(to: mt_timer_ops_t())
        unsafe operations.pointee.fire = { event, now in
            guard let payload = unsafe event?.pointee.payload else { return 0 }
            let timed = unsafe Unmanaged<_TimedAction>.fromOpaque(payload)
            let isRepeated = unsafe timed.takeUnretainedValue().isRepeated
            unsafe timed.takeUnretainedValue().action()
            if !isRepeated { unsafe timed.release() }
            return now
        }
        unsafe operations.pointee.drop = { event in
            guard let payload = unsafe event?.pointee.payload else { return }
            unsafe Unmanaged<_TimedAction>.fromOpaque(payload).release()
        }
        return unsafe UnsafePointer(operations)
    }()
}
