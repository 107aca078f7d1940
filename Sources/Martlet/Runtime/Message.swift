// SPDX-License-Identifier: Apache-2.0
// Swift values in message nodes: moved in once, moved out once. A value of up to 984 bytes lies in the node itself, a
// larger or over-aligned one in a box. The node carries the value's type, so that a message nobody handles can be ended
// without knowing what it was.

public import CMartlet

/// What a message is to the slice loop: the core's numbers.
@usableFromInline
struct _Kind: Equatable {
    @usableFromInline let raw: UInt32

    @inlinable
    init(_ raw: UInt32) { self.raw = raw }

    @inlinable static var initialise: _Kind { _Kind(0) }
    @inlinable static var call: _Kind { _Kind(1) }
    @inlinable static var cast: _Kind { _Kind(2) }
    @inlinable static var message: _Kind { _Kind(3) }
    @inlinable static var unexpected: _Kind { _Kind(4) }
    @inlinable static var tick: _Kind { _Kind(5) }
    @inlinable static var timeout: _Kind { _Kind(6) }
    @inlinable static var stop: _Kind { _Kind(7) }
    @inlinable static var signal: _Kind { _Kind(8) }
    @inlinable static var exit: _Kind { _Kind(9) }
    @inlinable static var down: _Kind { _Kind(10) }
    /// No message, but what user code is busy with, for reports.
    @inlinable static var continuation: _Kind { _Kind(24) }
    @inlinable static var hibernation: _Kind { _Kind(25) }
    /// The slice is over: touch nothing.
    @inlinable static var leave: _Kind { _Kind(16) }
    /// Killed, or an exit signal.
    @inlinable static var die: _Kind { _Kind(17) }
    /// No message.
    @inlinable static var none: _Kind { _Kind(18) }
    /// Others wait, and the turn is over.
    @inlinable static var yield: _Kind { _Kind(19) }
    /// Requests wait on the system lane.
    @inlinable static var system: _Kind { _Kind(20) }
}

/// What became of a send.
@usableFromInline
enum _SendStatus {
    case queued, displaced, full, noProcess, noMemory
}

/// A value too large for a node.
@usableFromInline
final class _Box<Value> {
    @usableFromInline let value: Value
    @inlinable
    init(_ value: consuming Value) { self.value = value }
}

/// A node that is being made: it must be sent, or dropped.
@unsafe
@usableFromInline
struct _Node {
    @usableFromInline let pointer: UnsafeMutablePointer<mt_node_t>

    @inlinable
    init(_ pointer: UnsafeMutablePointer<mt_node_t>) { unsafe self.pointer = unsafe pointer }

    /// Whether values of a type lie in the node itself.
    ///
    /// Folds to a constant.
    @inlinable @inline(__always)
    static func holds<Value>(_: Value.Type) -> Bool {
        MemoryLayout<Value>.size <= 984 && MemoryLayout<Value>.alignment <= 8
    }

    /// A node with a value in it; nil: out of memory, and the value is gone.
    @inlinable @inline(__always)
    static func make<Value>(
        _ thread: UnsafeMutablePointer<mt_thread_t>, _ value: consuming Value, kind: _Kind, reply: UInt64 = 0
    ) -> _Node? {
        if unsafe holds(Value.self) {
            guard let node = unsafe mt_node_alloc(thread, MemoryLayout<Value>.size) else { return nil }
            unsafe mt_node_fill(node, unsafeBitCast(Value.self, to: UnsafeRawPointer.self), UInt8(kind.raw), reply)
            unsafe mt_node_payload(node).assumingMemoryBound(to: Value.self).initialize(to: value)
            return unsafe _Node(node)
        }
        return unsafe make(thread, _Box(value), kind: kind, reply: reply)
    }

    /// Moves the value out of a payload.
    @inlinable @inline(__always)
    static func take<Value>(_: Value.Type, from payload: UnsafeMutableRawPointer) -> Value {
        if unsafe holds(Value.self) { return unsafe payload.assumingMemoryBound(to: Value.self).move() }
        return unsafe payload.assumingMemoryBound(to: _Box<Value>.self).move().value
    }

    /// Ends a node that was not sent.
    @usableFromInline
    func drop(_ thread: UnsafeMutablePointer<mt_thread_t>) {
        unsafe mt_payload_destroy(pointer.pointee.ops, mt_node_payload(pointer))
        unsafe mt_node_free(thread, pointer)
    }

    /// Ends a node that was refused, and counts it.
    @usableFromInline
    func refuse(_ thread: UnsafeMutablePointer<mt_thread_t>, by pid: UInt64, isFull: Bool) {
        let ops = unsafe pointer.pointee.ops
        let cause = isFull ? mt_dead_cause_t.full : mt_dead_cause_t.noProcess
        unsafe mt_process_count_refused(thread, pid, ops, cause)
        unsafe drop(thread)
    }
}

/// Sending to a process by its raw pid.
@usableFromInline
enum _Post {
    /// Moves a value into a message and sends it.
    ///
    /// Never waits.
    @inlinable @inline(__always)
    static func send<Value>(_ value: consuming Value, kind: _Kind, to pid: UInt64) -> _SendStatus {
        guard let thread = unsafe mt_thread_self(), let node = unsafe _Node.make(thread, value, kind: kind) else {
            return .noMemory
        }
        let status = unsafe mt_process_send(thread, pid, node.pointer)
        if _fastPath(status == .ok) { return .queued }
        return unsafe undelivered(thread, pid, node, status)
    }

    @usableFromInline
    static func undelivered(
        _ thread: UnsafeMutablePointer<mt_thread_t>, _ pid: UInt64, _ node: _Node, _ status: mt_status_t
    ) -> _SendStatus {
        switch status {
        case .ok: return .queued
        case .displaced: return .displaced
        case .full:
            unsafe node.refuse(thread, by: pid, isFull: true)
            return .full
        default:
            unsafe node.refuse(thread, by: pid, isFull: false)
            return .noProcess
        }
    }

    /// Asks a process to stop with a reason; the reply slot hears how it ended.
    ///
    /// False: there is no such process.
    static func stop(_ pid: UInt64, reason: _Reason, reply: UInt64) -> _SendStatus {
        guard let thread = unsafe mt_thread_self(),
            let node = unsafe _Node.make(thread, reason, kind: .stop, reply: reply)
        else { return .noMemory }
        if unsafe mt_process_send_system(thread, pid, node.pointer) == .ok { return .queued }
        unsafe node.drop(thread)
        return .noProcess
    }

    /// Completes the reply slot when the process ends.
    static func watch(_ pid: UInt64, reply: UInt64) -> _SendStatus {
        guard let thread = unsafe mt_thread_self() else { return .noMemory }
        switch unsafe mt_process_watch(thread, pid, reply) {
        case .ok: return .queued
        case .noMemory: return .noMemory
        default: return .noProcess
        }
    }

    /// Ends a process whatever it does.
    static func kill(_ pid: UInt64) {
        guard let thread = unsafe mt_thread_self() else { return }
        _ = unsafe mt_process_kill(thread, pid)
    }

    /// An exit signal from the current process, if there is one.
    static func exitSignal(_ pid: UInt64, reason: _Reason) {
        guard let thread = unsafe mt_thread_self() else { return }
        _ = unsafe mt_process_exit_signal(thread, pid, _CurrentProcess.pid, reason.borrowed)
    }

    static func isAlive(_ pid: UInt64) -> Bool { mt_pid_is_alive(pid) }

    /// Whether anything of it is left: alive, or its end is under way.
    static func isThere(_ pid: UInt64) -> Bool { mt_pid_is_there(pid) }
}
