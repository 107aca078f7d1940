// SPDX-License-Identifier: Apache-2.0
// One slice of one process, as the engines see it: which message is next, when user code begins and ends, how a process
// ends. A safe face on the core's slice; valid only inside the engine's run.

public import CMartlet

/// How a slice of an engine ended.
@usableFromInline
enum _Run {
    case left, abandoned, exited
}

/// The slice that an engine runs.
@safe
@usableFromInline
struct _Slice {
    @usableFromInline let pointer: UnsafeMutablePointer<mt_slice_t>

    @inlinable
    init(_ pointer: UnsafeMutablePointer<mt_slice_t>) { unsafe self.pointer = unsafe pointer }

    /// The next message; `leave` and `die` are not messages.
    @inlinable @inline(__always)
    func next() -> _Kind { _Kind(unsafe mt_slice_next(pointer)) }

    /// What the engine was entered with, or the last message.
    @inlinable var kind: _Kind { _Kind(unsafe pointer.pointee.kind) }

    /// The reply slot of the current request, or what its kind keeps there.
    @inlinable var reply: UInt64 { unsafe pointer.pointee.reply }

    /// The process.
    @usableFromInline var pid: UInt64 { unsafe mt_slot_pid(pointer.pointee.slot, pointer.pointee.frame.generation) }

    /// Moves the payload of the current message out.
    ///
    /// Once, before user code runs.
    @inlinable @inline(__always)
    func take<Value>(_ type: Value.Type) -> Value { unsafe _Node.take(type, from: pointer.pointee.payload) }

    /// User code begins; `call` is the request it may answer.
    @inlinable @inline(__always)
    func enter(call: UInt64) { unsafe mt_slice_enter(pointer, call) }

    /// User code begins, with something that nobody waits for.
    @inlinable @inline(__always)
    func enter(_ doing: _Kind) { unsafe mt_slice_enter_kind(pointer, doing.raw) }

    /// User code ended.
    ///
    /// False: the process was taken away meanwhile; destroy what the frame holds and return `abandoned`.
    @inlinable @inline(__always)
    func leave() -> Bool { unsafe mt_slice_leave(pointer) }

    /// The request that user code is busy with, 0 if it was answered.
    @usableFromInline var runningCall: UInt64 { unsafe pointer.pointee.frame.call }

    /// As `leave`, after a throw: an unanswered request stays with the frame and fails when the process ends.
    @usableFromInline
    func leaveKeepingCall() -> Bool {
        let call = runningCall
        unsafe pointer.pointee.frame.call = 0
        guard leave() else { return false }
        unsafe pointer.pointee.frame.call = call
        return true
    }

    /// The start that is under way is answered by the engine itself, whatever user code does.
    @usableFromInline
    func forgetCall() { unsafe pointer.pointee.frame.call = 0 }

    /// After `leave`: the exit does not answer the start either.
    @usableFromInline
    func forgetStart() { unsafe mt_slice_forget_current(pointer) }

    /// After `leave` said false: fails what user code had promised.
    @usableFromInline
    func abandon() -> _Run {
        unsafe mt_frame_abandon(&pointer.pointee.frame, pointer.pointee.thread)
        return .abandoned
    }

    // MARK: Ending

    /// Why, after `die`.
    @usableFromInline
    func takeDeathReason() -> _Reason {
        guard let reason = unsafe pointer.pointee.reason else { return .killed }
        unsafe pointer.pointee.reason = nil
        return unsafe _Reason.takeRetained(reason)
    }

    /// Whether a kill or an exit signal waits for the process.
    @inlinable var isDoomed: Bool { unsafe mt_slice_is_doomed(pointer) }

    /// Whether a stuck handler still uses the state and will destroy it.
    @usableFromInline var stateIsHeld: Bool { unsafe mt_slice_state_is_held(pointer) }

    /// From here senders are told that there is no process.
    ///
    /// Destroy the state afterwards.
    @usableFromInline
    func beginExit(_ reason: _Reason) { unsafe mt_slice_exit_begin(pointer, reason.passRetained()) }

    /// Names, calls, timers, waiters.
    ///
    /// Return `exited` afterwards.
    @usableFromInline
    func finishExit() { unsafe mt_slice_exit_finish(pointer) }

    /// Delivers the reply of `reply(_:then: .stop)`, after terminate.
    @usableFromInline
    func publishParkedReply() { unsafe mt_slice_publish_parked(pointer) }

    /// Lets a reply slot hear how the process ends.
    @usableFromInline
    func defer_(_ reply: UInt64) {
        if reply == 0 { return }
        if unsafe !mt_slice_defer(pointer, reply) { mt_reply_complete(reply, .overloaded) }
    }

    // MARK: Time

    /// Monotonic nanoseconds of the runtime's clock.
    @usableFromInline var now: UInt64 {
        let env = unsafe mt_runtime_env(mt_runtime_of(pointer.pointee.slot))
        return unsafe env.map { unsafe $0.pointee.now_ns($0.pointee.context) } ?? 0
    }

    /// Arms the idle timeout, replacing a later one.
    ///
    /// False: no memory for it.
    @usableFromInline
    func armIdle(at instant: UInt64) -> Bool { unsafe mt_slice_arm_idle(pointer, instant) == .ok }

    /// Whether a TIMEOUT message is the one that was armed last; it is spent then.
    @usableFromInline
    func idleTimerFired() -> Bool {
        unsafe mt_slice_idle_fired(pointer)
    }

    @usableFromInline
    func disarmIdle() { unsafe mt_slice_disarm_idle(pointer) }

    /// Marks the process as hibernating and gives the thread's free memory back.
    @usableFromInline
    func hibernate() {
        unsafe mt_slice_hibernate(pointer)
    }

    /// A message ends hibernation.
    @usableFromInline
    func wake() { unsafe mt_slice_wake(pointer) }

    // MARK: State

    /// The state of the incarnation in place.
    @inlinable @inline(__always)
    func state<Value: ~Copyable>(_: Value.Type) -> _State<Value> {
        unsafe _State(pointer.pointee.slot.pointee.state.assumingMemoryBound(to: Value.self))
    }

    /// Gives the incarnation its state; its init is over.
    ///
    /// Between callbacks.
    @usableFromInline
    func install(_ address: _StateAddress) { unsafe pointer.pointee.slot.pointee.state = unsafe address.raw }

    /// The same of a value of a known type.
    @inlinable
    func install<Value: ~Copyable>(_ state: _State<Value>) {
        unsafe mt_slice_started(pointer)
        unsafe pointer.pointee.slot.pointee.state = UnsafeMutableRawPointer(state.pointer)
    }

    /// What a caller's thread left for a worker; taken once.
    @usableFromInline
    func takePending() -> AnyObject? {
        guard let pending = unsafe pointer.pointee.slot.pointee.pending else { return nil }
        unsafe pointer.pointee.slot.pointee.pending = nil
        return unsafe Unmanaged<AnyObject>.fromOpaque(pending).takeRetainedValue()
    }
}

/// Where the state of a claimed process lies.
///
/// Valid while it is claimed; used by the runtime only.
@safe
public struct _StateAddress {
    @usableFromInline let raw: UnsafeMutableRawPointer

    @inlinable
    init(_ raw: UnsafeMutableRawPointer) { unsafe self.raw = unsafe raw }
}

/// The memory of one incarnation's state.
///
/// Owned by the process; the engine destroys it once.
@safe
@usableFromInline
struct _State<Value: ~Copyable> {
    @usableFromInline let pointer: UnsafeMutablePointer<Value>

    @inlinable
    init(_ pointer: UnsafeMutablePointer<Value>) { unsafe self.pointer = unsafe pointer }

    /// As the state's owner knows it.
    @inlinable
    init(_ address: _StateAddress) { unsafe pointer = address.raw.assumingMemoryBound(to: Value.self) }

    /// Room for a state, from the node pool while it fits; nil: out of memory.
    @inlinable
    static func allocate() -> UnsafeMutablePointer<Value>? {
        let pointer = unsafe mt_state_alloc(MemoryLayout<Value>.size, MemoryLayout<Value>.alignment)
        return unsafe pointer?.assumingMemoryBound(to: Value.self)
    }

    /// Moves a state into memory of its own; nil: out of memory, the value is gone.
    @inlinable
    static func make(_ value: consuming Value) -> _State<Value>? {
        guard let pointer = unsafe allocate() else { return nil }
        unsafe pointer.initialize(to: value)
        return unsafe _State(pointer)
    }

    /// Ends the value and frees its memory.
    @inlinable
    func destroy() {
        unsafe pointer.deinitialize(count: 1)
        unsafe mt_state_free(UnsafeMutableRawPointer(pointer), MemoryLayout<Value>.size, MemoryLayout<Value>.alignment)
    }

    /// As its owner keeps it.
    @inlinable var address: _StateAddress { unsafe _StateAddress(UnsafeMutableRawPointer(pointer)) }

    /// The value in place.
    @inlinable var value: Value {
        @inline(__always)
        unsafeAddress { unsafe UnsafePointer(pointer) }
        @inline(__always)
        nonmutating unsafeMutableAddress { unsafe pointer }
    }
}
