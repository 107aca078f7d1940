// SPDX-License-Identifier: Apache-2.0
// The slice that a carrier keeps: what differs where callbacks may suspend, and come back on another thread.

public import CMartlet

extension _Slice {
    /// The next message.
    ///
    /// `none` and `yield` are not messages: the process is the carrier's still.
    @inlinable @inline(__always)
    func poll() -> _Kind { _Kind(unsafe mt_slice_poll(pointer)) }

    /// As `enter`, for a callback that may suspend.
    @inlinable @inline(__always)
    func enterLong(call: UInt64) { unsafe mt_slice_enter_long(pointer, call) }

    /// The same, with something that nobody waits for.
    @inlinable @inline(__always)
    func enterLong(_ doing: _Kind) { unsafe mt_slice_enter_long_kind(pointer, doing.raw) }

    /// As `leave`, after such a callback.
    @inlinable @inline(__always)
    func leaveLong() -> Bool {
        guard let thread = unsafe mt_thread_self() else { return false }
        return unsafe mt_slice_leave_on(pointer, thread)
    }

    /// As `leaveKeepingCall`, after such a callback.
    @usableFromInline
    func leaveLongKeepingCall() -> Bool {
        let call = runningCall
        unsafe pointer.pointee.frame.call = 0
        guard leaveLong() else { return false }
        unsafe pointer.pointee.frame.call = call
        return true
    }

    /// The runtime of the process.
    var core: _Core { unsafe _Core(mt_runtime_of(pointer.pointee.slot)) }

    /// What a thread knows of the process whose code it runs.
    @unsafe var frame: UnsafeMutablePointer<mt_frame_t> {
        unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: mt_frame_t.self)
    }
}
