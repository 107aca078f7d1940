// SPDX-License-Identifier: Apache-2.0
// Running a handler on its caller's thread (`.caller`): claim, run, give back.

public import CMartlet

/// A claimed process.
///
/// Made on the caller's stack and used there only.
@safe
@usableFromInline
struct _InPlace: ~Copyable {
    @usableFromInline var raw = unsafe mt_in_place_t()

    @inlinable
    init() {}

    /// Claims an idle process of type `S`; false: take the ordinary way.
    @inlinable @inline(__always)
    mutating func begin<S: ~Copyable>(_ pid: UInt64, _: S.Type, timeout: UInt64) -> Bool {
        let typeID = unsafe unsafeBitCast(S.self, to: UnsafeRawPointer.self)
        return unsafe mt_in_place_begin(&raw, pid, typeID, timeout)
    }

    /// The handle of the reply slot.
    @inlinable var reply: UInt64 { unsafe raw.reply }

    /// Where the state lies.
    @inlinable var state: _StateAddress { unsafe _StateAddress(raw.state) }

    /// Gives the process back, with something for a worker to act on.
    ///
    /// False: it was taken away by a kill.
    @inlinable @inline(__always)
    mutating func end() -> Bool { unsafe mt_in_place_end(&raw, nil) }

    /// As `end`, with an object for the next slice.
    @usableFromInline
    mutating func end(pending: AnyObject) -> Bool {
        let pointer = unsafe Unmanaged.passRetained(pending).toOpaque()
        if unsafe mt_in_place_end(&raw, pointer) { return true }
        unsafe Unmanaged<AnyObject>.fromOpaque(pointer).release()
        return false
    }

    /// A reply parked until terminate; passes to the worker that runs it.
    @usableFromInline
    mutating func takeParked() -> _ParkedReply? {
        guard let node = unsafe raw.frame.parked_reply else { return nil }
        unsafe raw.frame.parked_reply = nil
        return unsafe _ParkedReply(node: node, ref: raw.frame.parked_for)
    }

    /// The request, if it is unanswered; the frame forgets it.
    @usableFromInline
    mutating func takeCall() -> UInt64 {
        let call = unsafe raw.frame.call
        unsafe raw.frame.call = 0
        return call
    }
}

/// A reply that waits for terminate, on its way from a caller's thread to a worker.
@safe
@usableFromInline
struct _ParkedReply: @unchecked Sendable {  // moved, never shared: one holder at a time
    @usableFromInline let node: UnsafeMutablePointer<mt_node_t>
    @usableFromInline let ref: UInt64

    @usableFromInline
    init(node: UnsafeMutablePointer<mt_node_t>, ref: UInt64) {
        unsafe self.node = unsafe node
        self.ref = ref
    }

    /// Its process was killed: the caller hears of it, the value ends.
    @usableFromInline
    func fail() {
        guard let thread = unsafe mt_thread_self() else { return }
        _ = unsafe mt_reply_complete_exited(ref, _Reason.killed.borrowed)
        unsafe _Node(node).drop(thread)
    }

    /// Parks it in the slice that will publish it.
    @usableFromInline
    func park(in slice: _Slice) {
        unsafe mt_frame_park_reply(&slice.pointer.pointee.frame, slice.pointer.pointee.thread, ref, node)
    }
}
