// SPDX-License-Identifier: Apache-2.0
// A process whose owner is a Swift task: the body of a raw process. Not a server: there the engine's loop owns it.
//
//   task runs user code (IN) --takeBack--> task owns it (BUSY) --giveBack--> idle, in its mailbox's hands
//        ^                                      |                              | a message: a worker's slice
//        +--------------- enter ----------------+ <-------- resume ------------+ resumes the task, which owns it again
//
// A killer takes it out of IN; then `takeBack` fails, and the task only unwinds. The exit protocol always runs on a
// worker: the task hands the process over with its reason.

internal import CMartlet
internal import Synchronization

@safe
final class _TaskProcess: @unchecked Sendable {  // each word has one owner at a time, see the picture
    let pid: UInt64
    private let slice: UnsafeMutablePointer<mt_slice_t>
    private let scratch: UnsafeMutablePointer<UInt8>
    /// Set by the task before it gives the process back, taken by the worker that wakes it.
    private var continuation: UnsafeContinuation<Void, Never>?
    /// Why the task ended; set before it hands the process to a worker.
    private var finished: _Reason?
    /// Counts the times a worker handed the process to the task: the resume orders it already, this says so in a way that
    /// every checker of races can see.
    private let handOvers = Atomic(0)
    /// Why a worker ended the process while the task slept; set before the task is resumed.
    private var death: _Reason?
    /// Forwarders to this mailbox; they end with it.
    var aliases: [UInt64] = []

    /// Takes over from the worker's slice of the INIT message.
    init(adopting worker: _Slice) {
        pid = worker.pid
        unsafe slice = .allocate(capacity: 1)
        let scratchSize = 1_024
        unsafe scratch = .allocate(capacity: scratchSize)
        unsafe slice.initialize(to: worker.pointer.pointee)
        unsafe slice.pointee.scratch = unsafe scratch
        unsafe slice.pointee.slot.pointee.state = Unmanaged.passRetained(self).toOpaque()
        unsafe mt_phase_enter(&slice.pointee.frame)
    }

    deinit {
        unsafe slice.deallocate()
        unsafe scratch.deallocate()
    }

    // MARK: The task's side

    /// User code pauses: the task owns the process again.
    ///
    /// False: it was killed meanwhile.
    func takeBack() -> Bool {
        guard let thread = unsafe mt_thread_self(), unsafe mt_phase_leave(&slice.pointee.frame, thread) else { return false }
        unsafe mt_slice_move(slice, thread)
        return true
    }

    /// User code goes on.
    ///
    /// Owner.
    func enter() {
        unsafe mt_slice_count(slice)
        unsafe mt_phase_enter(&slice.pointee.frame)
    }

    /// The next message, `none`, or `die`.
    ///
    /// Owner.
    func poll() -> _Kind { _Kind(unsafe mt_slice_poll(slice)) }

    /// Its payload.
    ///
    /// Owner, once.
    func take<Value>(_ type: Value.Type) -> Value { unsafe _Node.take(type, from: slice.pointee.payload) }

    /// The slice, for what all engines do.
    ///
    /// Owner.
    var face: _Slice { unsafe _Slice(slice) }

    /// Sleeps until something is in the mailbox.
    ///
    /// Owner, before and after; false: the process ended meanwhile.
    nonisolated(nonsending) func wait() async -> Bool {
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            unsafe self.continuation = unsafe continuation
            if unsafe mt_slice_give_back(slice) { return }
            unsafe self.continuation = nil
            unsafe _Waiter(continuation).resume()
        }
        _ = handOvers.load(ordering: .acquiring)
        guard death == nil, let thread = unsafe mt_thread_self() else { return false }
        unsafe mt_slice_move(slice, thread)
        return true
    }

    /// Why the process ended while the task slept.
    var deathReason: _Reason { death ?? .killed }

    /// The body is over: a worker runs the exit.
    ///
    /// Owner, then no more.
    func finish(_ reason: _Reason) {
        finished = reason
        unsafe mt_slice_hand_over(slice)
    }

    /// A new forwarder to this mailbox; 0: no room for one.
    func makeAlias() -> UInt64 {
        guard let core = unsafe mt_pid_runtime_any(pid) else { return 0 }
        let alias = unsafe _Forwarder.start(to: pid, in: _Core(core))
        if alias != 0 { aliases.append(alias) }
        return alias
    }

    func dropAlias(_ alias: UInt64) -> Bool {
        guard let index = aliases.firstIndex(of: alias) else { return false }
        aliases.remove(at: index)
        _Post.kill(alias)
        return true
    }

    // MARK: A worker's side

    /// One slice of the process on a worker.
    static func run(_ worker: _Slice) -> _Run {
        let process = unsafe Unmanaged<_TaskProcess>.fromOpaque(worker.pointer.pointee.slot.pointee.state)
            .takeUnretainedValue()
        if worker.kind == .die { return process.end(worker, worker.takeDeathReason(), isHeld: worker.stateIsHeld) }
        if let finished = process.finished { return process.end(worker, finished, isHeld: false) }
        guard let continuation = unsafe process.continuation else { return .left }
        unsafe process.continuation = nil
        process.handOvers.add(1, ordering: .releasing)
        unsafe _Waiter(continuation).resume()
        return .left
    }

    private func end(_ worker: _Slice, _ reason: _Reason, isHeld: Bool) -> _Run {
        worker.beginExit(reason)
        if !isHeld, let popped = unsafe slice.pointee.undelivered {
            // The task had taken it off the queue when it saw the end: a dead letter like the rest.
            unsafe slice.pointee.undelivered = nil
            unsafe worker.pointer.pointee.undelivered = unsafe popped
        }
        let sleeper = isHeld ? nil : unsafe continuation
        if !isHeld {
            unsafe continuation = nil
            death = reason
            for alias in aliases { _Post.kill(alias) }
        }
        worker.finishExit()
        unsafe Unmanaged.passUnretained(self).release()
        handOvers.add(1, ordering: .releasing)
        if let sleeper = unsafe sleeper { unsafe _Waiter(sleeper).resume() }
        return .exited
    }
}

/// A forwarder: what it is sent goes on to another process until it is killed.
enum _Forwarder {
    static let processClass = unsafe _ProcessClass(name: "alias", typeID: nil) { slice in run(slice) }

    private static func run(_ slice: _Slice) -> _Run {
        if slice.kind == .initialise {
            let owner = slice.takeInit(UInt64.self).argument
            unsafe slice.pointer.pointee.slot.pointee.state = UnsafeMutableRawPointer(bitPattern: UInt(owner))
        }
        if slice.kind == .die { return end(slice) }
        let owner = unsafe UInt64(UInt(bitPattern: slice.pointer.pointee.slot.pointee.state))
        while true {
            switch slice.next() {
            case .leave: return .left
            case .die: return end(slice)
            case .message, .unexpected:
                if unsafe mt_slice_forward(slice.pointer, owner) == .noProcess { return end(slice) }
            case .stop:
                _ = slice.take(_Reason.self)
                slice.defer_(slice.reply)
                return end(slice)
            default: continue
            }
        }
    }

    private static func end(_ slice: _Slice) -> _Run {
        slice.beginExit(slice.takeDeathReason())
        slice.finishExit()
        return .exited
    }

    /// A process that forwards to `owner`; 0: out of memory or slots.
    static func start(to owner: UInt64, in core: _Core) -> UInt64 {
        switch _Spawning.spawn(processClass, owner, _SpawnRequest(), in: core, reply: 0) {
        case .success(let pid): pid
        case .failure: 0
        }
    }
}
