// SPDX-License-Identifier: Apache-2.0
// A process whose owner is a Swift task: the body of a raw process. Not a server: there the engine's loop owns it.
//
//   task runs user code (IN) --poll--> task owns it (BUSY) --sleep--> idle, in its mailbox's hands
//        ^                                  |                              | a message: a worker's slice
//        +--------- take, enter ------------+ <-------- resume ------------+ resumes the task, which owns it again
//
// A killer takes it out of IN; then `poll` says `leave`, and the task only unwinds. The exit protocol always runs on a
// worker: the task hands the process over with its reason. What the worker does: TaskProcess+Worker.swift.
//
// `poll` and `take` are the whole of a receive that finds a message, and are inlined into it. They touch no stored `var` of
// the class, whose accesses would be checked for exclusivity each time: what they need lies in the slice.

public import CMartlet
internal import Synchronization

@safe
@usableFromInline
final class _TaskProcess: @unchecked Sendable {  // each word has one owner at a time, see the picture
    let pid: UInt64
    /// The task's own; its `kind` also says whether the body may still receive (`mt_slice_is_closed`).
    @usableFromInline let slice: UnsafeMutablePointer<mt_slice_t>
    /// Set by the task before it gives the process back, taken by the worker that wakes it.
    var continuation: UnsafeContinuation<Void, Never>?
    /// Why the task ended; set before it hands the process to a worker.
    var finished: _Reason?
    /// Whether that is a signal's reason: the first one, later ones do not count.
    var wasTold = false
    /// Counts the times a worker handed the process to the task: the resume orders it already, this says so in a way that
    /// every checker of races can see.
    let handOvers = Atomic(0)
    /// Why a worker ended the process while the task slept; set before the task is resumed.
    var death: _Reason?
    /// The task, if the process has one of its own; written before `taskStage` says `known`.
    var task: Task<Void, Never>?
    /// Whether the task is known, and whether the process has ended in its body: who comes second cancels.
    let taskStage = Atomic(TaskStage.unknown)
    /// Why the body receives nothing any more; the task's.
    private var ending: _Reason?
    /// Whether the body's receive answers the system lane; the task's.
    var answersCommands = false
    /// What the body shows of its state; the task's.
    var formatStatus: (() -> String)?
    /// Other addresses of this mailbox; they end with it.
    var aliases: Set<UInt64> = []
    /// The number of the last one.
    private var lastAlias: UInt32 = 0

    /// Takes over from the worker's slice of the INIT message.
    init(adopting worker: _Slice) {
        pid = worker.pid
        unsafe slice = .allocate(capacity: 1)
        unsafe slice.initialize(to: worker.pointer.pointee)
        let scratchSize = unsafe mt_slice_scratch_size(worker.pointer)
        unsafe slice.pointee.reads_late = true
        unsafe slice.pointee.scratch = scratchSize == 0 ? nil : .allocate(capacity: scratchSize)
        unsafe slice.pointee.slot.pointee.state = Unmanaged.passRetained(self).toOpaque()
        unsafe mt_phase_enter(&slice.pointee.frame)
    }

    deinit {
        unsafe slice.pointee.scratch?.deallocate()
        unsafe slice.deallocate()
    }

    // MARK: Receiving

    /// User code pauses: what is in the mailbox.
    ///
    /// On `message`, `tick` and `unexpected` the task owns the process: `take` the payload, on `exit` and `down` the news.
    /// All else goes to `next`.
    @inlinable @inline(__always)
    func poll() -> _Kind {
        guard unsafe !mt_slice_is_closed(slice), let thread = unsafe mt_thread_self(),
            unsafe mt_phase_leave(&slice.pointee.frame, thread)
        else { return .leave }
        unsafe mt_slice_move(slice, thread)
        return _Kind(unsafe mt_slice_poll(slice))
    }

    /// Moves the payload out, and user code goes on.
    ///
    /// Owner, once.
    @inlinable @inline(__always)
    func take<Value>(_ type: Value.Type) -> Value {
        let value = unsafe _Node.take(type, from: slice.pointee.payload)
        enter()
        return value
    }

    /// Moves the news of an EXIT or DOWN message out, and user code goes on.
    ///
    /// Owner, once.
    @usableFromInline
    func takeNews() -> _News {
        let news = face.takeNews()
        enter()
        return news
    }

    /// Whether news that was taken out may be handed out, once; its tie may have been given up since.
    ///
    /// The task.
    @usableFromInline
    func reads(_ tie: UInt64) -> Bool { tie == 0 || _Tie.read(pid, tie) }

    /// Whether `reads` would be true.
    @usableFromInline
    func mayRead(_ tie: UInt64) -> Bool { tie == 0 || _Tie.isUnread(pid, tie) }

    /// User code goes on.
    ///
    /// Owner.
    @inlinable @inline(__always)
    func enter() {
        unsafe mt_slice_count(slice)
        unsafe mt_phase_enter(&slice.pointee.frame)
    }

    /// Goes on from what `poll` found until there is something for the body, which may take a while.
    ///
    /// After `message`, `tick` or `unexpected`, the task owns the process: `take` the payload; after `exit` or `down` the
    /// news. After `none`, the time is up; after `die`, `reason` says why there is nothing more. One frame of a task waits
    /// here, and it needs no type.
    @usableFromInline
    nonisolated(nonsending) func next(_ found: _Kind, _ limit: inout _TimeLimit) async -> _Kind {
        var kind = found
        while true {
            switch kind {
            case .message, .tick, .unexpected, .exit, .down: return kind
            case .none:
                // Suspended, the body goes on when it is resumed, however late that is.
                if !face.isSuspended, isOver(&limit) {
                    enter()
                    return .none
                }
                unsafe await withUnsafeContinuation { unsafe sleep($0) }
                guard wake() else { return .die }
            case .yield:
                unsafe await withUnsafeContinuation { unsafe yield($0) }
                guard wake() else { return .die }
            case .system:
                guard performCommands() else {
                    end(.leave)
                    return .die
                }
            case .timeout:
                // Whether it is this receive's is decided by the clock, when the mailbox is empty.
                _ = face.idleTimerFired()
            default:
                end(kind)
                return .die
            }
            kind = _Kind(unsafe mt_slice_poll(slice))
        }
    }

    /// Why there is nothing more to receive, after `die`.
    @usableFromInline var reason: _Reason { ending ?? .killed }

    /// The slice, for what all engines do.
    ///
    /// Owner.
    var face: _Slice { unsafe _Slice(slice) }

    // MARK: Waiting

    /// Gives the process back until something is in the mailbox.
    ///
    /// Owner, then no more.
    @unsafe
    private func sleep(_ continuation: UnsafeContinuation<Void, Never>) {
        unsafe self.continuation = unsafe continuation
        if unsafe mt_slice_give_back(slice) { return }
        unsafe self.continuation = nil
        unsafe _Waiter(continuation).resume()
    }

    /// Queues the process behind the others.
    ///
    /// Owner, then no more.
    @unsafe
    private func yield(_ continuation: UnsafeContinuation<Void, Never>) {
        unsafe self.continuation = unsafe continuation
        unsafe mt_slice_yield(slice)
    }

    /// The task goes on as the owner; false: the process ended meanwhile.
    private func wake() -> Bool {
        _ = handOvers.load(ordering: .acquiring)
        guard death == nil, let thread = unsafe mt_thread_self() else {
            close(.leave, death ?? .killed)
            return false
        }
        unsafe mt_slice_resume(slice, thread)
        return true
    }

    /// Whether the time is up; else the timer is armed.
    ///
    /// Owner.
    private func isOver(_ limit: inout _TimeLimit) -> Bool {
        guard let duration = limit.duration else { return false }
        let now = face.now
        let deadline = limit.deadline ?? (duration > .max - now ? .max : now + duration)
        limit.deadline = deadline
        if duration == 0 || now >= deadline { return true }
        return !face.armIdle(at: deadline)
    }

    // MARK: Ending

    /// Acts on a kind after which there is no message: `stop`, `die`, or `leave`.
    private func end(_ kind: _Kind) {
        switch kind {
        case .stop:
            let reason = unsafe _Node.take(_Reason.self, from: slice.pointee.payload)
            face.defer_(face.reply)
            close(.die, reason)
            enter()
        case .die:
            let reason = face.takeDeathReason()
            close(.leave, reason)
            wasTold = true
            handOver(reason)
        default:
            if unsafe !mt_slice_is_closed(slice) { lose() }
        }
    }

    /// A killer took the process; the worker of the exit leaves the rest of the task's words to the task.
    private func lose() {
        close(.leave, .killed)
        endAliases()
    }

    /// From here the body receives nothing; with `leave` the process is no longer the task's either.
    private func close(_ kind: _Kind, _ reason: _Reason) {
        unsafe slice.pointee.kind = kind.raw
        ending = reason
    }

    /// The body is over: unless the process is already, a worker runs its exit.
    ///
    /// The task's last word; false: the process had ended otherwise, and nobody hears it.
    @discardableResult
    func finish(_ reason: @autoclosure () -> _Reason) -> Bool {
        if unsafe slice.pointee.kind == _Kind.leave.raw { return false }
        guard let thread = unsafe mt_thread_self(), unsafe mt_phase_leave(&slice.pointee.frame, thread) else {
            lose()
            return false
        }
        unsafe mt_slice_move(slice, thread)
        handOver(reason())
        return true
    }

    /// Owner, then no more.
    private func handOver(_ reason: _Reason) {
        finished = reason
        unsafe mt_slice_hand_over(slice)
    }

    // MARK: Aliases

    /// A second address of this mailbox, and the number that its messages carry; nil: no room for one.
    ///
    /// Numbers are used again after 4 billion aliases.
    func makeAlias() -> (pid: UInt64, number: UInt32)? {
        guard let thread = unsafe mt_thread_self() else { return nil }
        lastAlias = lastAlias == .max ? 1 : lastAlias + 1
        let alias = unsafe mt_alias_make(thread, pid, lastAlias)
        if alias == 0 { return nil }
        aliases.insert(alias)
        return (alias, lastAlias)
    }

    func dropAlias(_ alias: UInt64) -> Bool {
        guard aliases.remove(alias) != nil, let thread = unsafe mt_thread_self() else { return false }
        return unsafe mt_alias_end(thread, alias)
    }

    /// The process is over: all of them lead nowhere.
    ///
    /// Whoever has the last word of the task's.
    func endAliases() {
        guard !aliases.isEmpty, let thread = unsafe mt_thread_self() else { return }
        for alias in aliases { _ = unsafe mt_alias_end(thread, alias) }
        aliases = []
    }

    /// The number of the alias that the message came through which `poll` found, 0: none.
    ///
    /// Owner, before `take`.
    @inlinable @inline(__always) var via: UInt32 { unsafe slice.pointee.node.map { unsafe mt_node_alias($0) } ?? 0 }
}

/// How long one receive may take, across wake-ups.
@usableFromInline
struct _TimeLimit {
    /// Nanoseconds; nil: for ever.
    let duration: UInt64?
    /// When they are over; known once the mailbox was found empty.
    fileprivate(set) var deadline: UInt64?

    @usableFromInline
    init(_ duration: UInt64?) { self.duration = duration }
}
