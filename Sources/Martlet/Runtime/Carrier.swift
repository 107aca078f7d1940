// SPDX-License-Identifier: Apache-2.0
// A Swift task that carries processes whose callbacks suspend, one at a time, each for one burst of messages. Not a
// process: it owns one while it has messages, and an idle process has no carrier.
//
//      idle on a thread --begin: a worker's slice--> owns the process, runs its callbacks --> idle again, or over
//                                                      |         ^
//                                              suspended in a callback (phase IN): holds no thread
//
// It is the executor of its own task, so that a worker which goes on with that task knows whose code it runs: it puts
// the carrier's frame on the thread, and sends, calls, `Pid.current` and the fence of a kill work as in a synchronous
// handler. What the task's children and actors bring is queued like any other job.
//
// While a carrier has a process, the slot's `state` leads to it. A killer that takes the process out of a suspended
// callback finds it there and cancels the task; the task still has the state, and destroys it. Why a task a burst:
// Documentation/adr/0014-async-servers.md.

internal import CMartlet

@safe
@usableFromInline
final class _Carrier: TaskExecutor, @unchecked Sendable {  // each word has one owner at a time, see the picture
    /// What the task and the thread that starts it touch; behind a pointer, as accesses to stored properties of a class
    /// would be checked for exclusivity each time.
    @safe
    struct Words {
        /// The process; a copy of the worker's, in the same place at each burst.
        var slice = unsafe mt_slice_t()
        /// The state that `slot->state` leads to when there is no carrier.
        var state: UnsafeMutableRawPointer?
        /// The engine of the process; nil while there is none.
        var serve: Serve?
        /// The type of the process, and whether the one before was of the same.
        var type: UnsafeRawPointer?
        var isAgain = false
        /// Of an idle carrier.
        var continuation: UnsafeContinuation<Void, Never>?
        /// The address of the task, which is that of its jobs; 0 before there is one.
        var job: UInt = 0
        /// The next in the thread's list of idle carriers.
        var next: UnsafeMutableRawPointer?
    }

    /// What an engine does with one burst; false: the process was taken, and the task with it.
    @usableFromInline typealias Serve = nonisolated(nonsending) @Sendable (_Carrier) async -> Bool

    let core: _Core
    let words: UnsafeMutablePointer<Words>
    /// Written before the task runs, read by a killer.
    private var task: Task<Void, Never>?

    /// So many wait on one thread; beyond it they end.
    ///
    /// Servers with messages are carried one after the other by the same few, unless callbacks suspend; then there are as
    /// many as callbacks, and what is kept for the next time must not grow with them.
    private static let idleMax: UInt32 = 64

    private init(_ core: _Core) {
        mt_tasks_note(MT_TASKS_CARRY)
        self.core = core
        unsafe words = .allocate(capacity: 1)
        unsafe words.initialize(to: Words())
        // For a killer, who may come when the task is over already: `letGo` or the killer takes it back.
        _ = unsafe Unmanaged.passRetained(self)
    }

    deinit {
        unsafe words.pointee.slice.scratch?.deallocate()
        unsafe words.deinitialize(count: 1)
        unsafe words.deallocate()
    }

    /// The process, as an engine sees it; always in the same place.
    ///
    /// Owner, or the callback of the process.
    @usableFromInline var slice: _Slice {
        unsafe _Slice(UnsafeMutableRawPointer(words).assumingMemoryBound(to: mt_slice_t.self))
    }

    // MARK: The task

    /// Begins to carry the process of a worker's slice; the worker has no part in it afterwards.
    @usableFromInline
    static func begin(_ worker: _Slice, _ serve: @escaping Serve) {
        let thread = unsafe worker.pointer.pointee.thread
        guard let thread = unsafe thread else { return }
        if let pointer = unsafe thread.pointee.lingering_carrier {
            unsafe thread.pointee.lingering_carrier = nil
            return unsafe Unmanaged<_Carrier>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.adopt(worker, serve) }
        }
        let carrier = unsafe takeIdle(on: thread) ?? Unmanaged.passUnretained(_Carrier(worker.core))
        unsafe carrier._withUnsafeGuaranteedRef {
            $0.adopt(worker, serve)
            unsafe $0.go(thread)
        }
    }

    /// Queues nothing: the task's job runs here and now, unless another thread is about to run it.
    @unsafe
    private func go(_ thread: UnsafeMutablePointer<mt_thread_t>) {
        unsafe thread.pointee.starting_carrier = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe thread.pointee.starting_job = nil
        if let continuation = unsafe words.pointee.continuation {
            unsafe words.pointee.continuation = nil
            unsafe _Waiter(continuation).resume()
        } else {
            task = Task.detached(executorPreference: self) { await self.run() }
        }
        unsafe thread.pointee.starting_carrier = nil
        guard let job = unsafe thread.pointee.starting_job else { return }
        run(UInt(bitPattern: job))
    }

    /// Cancels what the callback waits for.
    ///
    /// Runs cancellation handlers of user code.
    @usableFromInline func cancel() { task?.cancel() }

    private nonisolated(nonsending) func run() async {
        await _CurrentProcess.with(self) {
            while let serve = unsafe words.pointee.serve {
                guard await serve(self) else { return }
            }
            unsafe Unmanaged.passUnretained(self).release()
        }
    }

    /// Waits for the next process; false: it is of another type, or there will be none.
    ///
    /// Between two of one type the engine stays where it is: each return through an `await` would look up the task's
    /// executor, under a lock.
    @inlinable @inline(__always)
    nonisolated(nonsending) func rest() async -> Bool {
        if linger() { return isAgain }
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            unsafe rest(continuation)
        }
        return isAgain
    }

    /// Runs what waits for this worker, as long as none of it is a process to carry; false: there was none.
    @usableFromInline
    func linger() -> Bool {
        unsafe words.pointee.isAgain = false
        unsafe words.pointee.serve = nil
        guard let thread = unsafe mt_thread_self(), unsafe thread.pointee.runtime == core.pointer, !Task.isCancelled
        else { return false }
        let budget = unsafe slice.pointer.pointee.budget
        unsafe mt_linger(thread, Unmanaged.passUnretained(self).toOpaque(), budget)
        if unsafe words.pointee.serve == nil { return false }
        unsafe thread.pointee.frame = slice.frame
        return true
    }

    /// Waits on this thread, or goes on to the end.
    @unsafe
    @usableFromInline
    func rest(_ continuation: UnsafeContinuation<Void, Never>) {
        // User code may have cancelled it: the next process shall not suffer for it.
        guard let thread = unsafe mt_thread_self(), unsafe thread.pointee.runtime == core.pointer,
            unsafe thread.pointee.idle_carrier_count < Self.idleMax, !Task.isCancelled
        else { return unsafe _Waiter(continuation).resume() }
        unsafe words.pointee.continuation = unsafe continuation
        unsafe words.pointee.next = unsafe thread.pointee.idle_carriers
        unsafe thread.pointee.idle_carriers = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe thread.pointee.idle_carrier_count += 1
    }

    @usableFromInline var isAgain: Bool { unsafe words.pointee.isAgain }

    /// One that waits on this thread; its task keeps it.
    @unsafe
    private static func takeIdle(on thread: UnsafeMutablePointer<mt_thread_t>) -> Unmanaged<_Carrier>? {
        guard let pointer = unsafe thread.pointee.idle_carriers else { return nil }
        let carrier = unsafe Unmanaged<_Carrier>.fromOpaque(pointer)
        unsafe thread.pointee.idle_carriers = unsafe carrier._withUnsafeGuaranteedRef { unsafe $0.words.pointee.next }
        unsafe thread.pointee.idle_carrier_count -= 1
        return unsafe carrier
    }

    /// The thread ends: so do the carriers that wait on it.
    @unsafe
    static func endIdle(on thread: UnsafeMutablePointer<mt_thread_t>) {
        while let carrier = unsafe takeIdle(on: thread) { unsafe carrier.takeUnretainedValue().go(thread) }
    }

    // MARK: Jobs

    /// Queues a job of the task, or of something that prefers the task's executor.
    @usableFromInline
    func enqueue(_ job: consuming ExecutorJob) {
        let address = unsafe unsafeBitCast(UnownedJob(job), to: UInt.self)
        if unsafe words.pointee.job == 0 { unsafe words.pointee.job = address }
        var item = unsafe UnsafeMutableRawPointer(bitPattern: address)
        if unsafe words.pointee.job == address {
            let itself = unsafe Unmanaged.passUnretained(self).toOpaque()
            if let thread = unsafe mt_thread_self(), unsafe thread.pointee.starting_carrier == itself {
                unsafe thread.pointee.starting_carrier = nil
                unsafe thread.pointee.starting_job = item
                return
            }
            unsafe Self.carrierWord(of: address)?.pointee = unsafe itself
            unsafe item = UnsafeMutableRawPointer(bitPattern: address | _RuntimeContext.carrierJob)
        }
        guard let item = unsafe item, unsafe mt_submit_job(core.pointer, item) else {
            unsafe mt_global_executor_enqueue_elsewhere(item)
            return
        }
    }

    /// Runs a job that `enqueue` marked.
    static func run(marked address: UInt) {
        guard let pointer = unsafe carrierWord(of: address)?.pointee else { return }
        unsafe Unmanaged<_Carrier>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.run(address) }
    }

    /// The task goes on, on this thread, with the frame of its process.
    private func run(_ address: UInt) {
        guard let thread = unsafe mt_thread_self() else { return }
        let below = unsafe thread.pointee.frame
        unsafe words.pointee.slice.frame.below = unsafe below
        unsafe thread.pointee.frame = slice.frame
        let job = unsafe unsafeBitCast(address, to: UnownedJob.self)
        unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        unsafe thread.pointee.frame = unsafe below
    }

    /// The second of the two words in a job that are its executor's while it is queued; the first is the queues' link.
    @unsafe
    private static func carrierWord(of job: UInt) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        let offset = UInt(_RuntimeContext.jobLinkOffset) + UInt(MemoryLayout<UInt>.size)
        return unsafe UnsafeMutablePointer(bitPattern: job + offset)
    }
}
