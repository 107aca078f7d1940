// SPDX-License-Identifier: Apache-2.0
// What the core asks of Swift: counting reasons, ending values, resuming tasks, running jobs.

public import CMartlet
internal import Logging

/// Values whose type the core carries as an opaque pointer.
enum _ValueHooks {
    @unsafe
    static func destroy(_ type: UnsafeRawPointer, _ payload: UnsafeMutableRawPointer) {
        func end<T>(_: T.Type) { unsafe payload.assumingMemoryBound(to: T.self).deinitialize(count: 1) }
        unsafe _openExistential(unsafeBitCast(type, to: Any.Type.self), do: end)
    }

    @unsafe
    static func size(_ type: UnsafeRawPointer) -> Int {
        func measure<T>(_: T.Type) -> Int { MemoryLayout<T>.size }
        return unsafe _openExistential(unsafeBitCast(type, to: Any.Type.self), do: measure)
    }
}

/// Installed once for the OS process.
enum _Hooks {
    static let installed: Void = install()

    private static func install() {
        var hooks = unsafe mt_hooks_t()
        unsafe hooks.reason_retain = { reason in
            guard let reason = unsafe reason else { return nil }
            return unsafe Unmanaged<_Reason>.fromOpaque(reason).retain().toOpaque()
        }
        unsafe hooks.reason_release = { reason in
            guard let reason = unsafe reason else { return }
            unsafe Unmanaged<_Reason>.fromOpaque(reason).release()
        }
        unsafe hooks.reason_normal = _Reason.normal.passRetained()
        unsafe hooks.reason_killed = _Reason.killed.passRetained()
        unsafe hooks.reason_no_process = _Reason.noProcess.passRetained()
        unsafe hooks.value_destroy = { type, payload in
            guard let type = unsafe type, let payload = unsafe payload else { return }
            unsafe _ValueHooks.destroy(type, payload)
        }
        unsafe hooks.value_size = { type in
            guard let type = unsafe type else { return 0 }
            return unsafe _ValueHooks.size(type)
        }
        unsafe hooks.resume = { waiter in unsafe mt_task_resume(waiter) }
        unsafe hooks.run_job = { job, context in
            guard let job = unsafe job, let context = unsafe context else { return }
            unsafe _RuntimeContext.borrow(context).run(job)
        }
        unsafe hooks.orphan_job = { job in unsafe mt_global_executor_enqueue_elsewhere(job) }
        unsafe hooks.end_carriers = { thread in
            guard let thread = unsafe thread else { return }
            unsafe _Carrier.endIdle(on: thread)
        }
        unsafe hooks.job_link_offset = _RuntimeContext.jobLinkOffset
        unsafe hooks.stalled = { context, pid, elapsed in
            guard let context = unsafe context else { return }
            unsafe _RuntimeContext.borrow(context).reportStall(pid: pid, nanoseconds: elapsed)
        }
        unsafe hooks.high_water = { context, pid, length in
            guard let context = unsafe context else { return }
            unsafe _RuntimeContext.borrow(context).reportHighWater(pid: pid, length: length)
        }
        unsafe hooks.dead_letter = { context, pid, from, ops, cause in
            guard let context = unsafe context else { return }
            let type = unsafe mt_payload_type(ops)
            unsafe _RuntimeContext.borrow(context).reportDeadLetter(pid: pid, from: from, type: type, cause: cause)
        }
        unsafe mt_hooks_set(&hooks)
    }
}

/// A suspended task that waits for a reply slot.
@unsafe
@usableFromInline
struct _Waiter {
    @usableFromInline let pointer: UnsafeMutableRawPointer

    @inlinable
    init(pointer: UnsafeMutableRawPointer) { unsafe self.pointer = unsafe pointer }

    @inlinable
    init(_ continuation: UnsafeContinuation<Void, Never>) {
        unsafe pointer = unsafe unsafeBitCast(continuation, to: UnsafeMutableRawPointer.self)
    }

    @inlinable
    func resume() { unsafe mt_task_resume(pointer) }
}
