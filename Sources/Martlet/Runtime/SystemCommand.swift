// SPDX-License-Identifier: Apache-2.0
// Commands on the system lane: they reach a process ahead of its mailbox, also while it is suspended. What they do is
// the business of the layers above; here is how they come and go.

internal import CMartlet

/// One command; performed once by the process it is sent to, or dropped with it.
@usableFromInline
final class _SystemCommand: Sendable {
    /// What every process can do, between messages; nil: only servers understand it.
    let own: (@Sendable (_Slice) -> Void)?
    /// The same where it shows what the process says of its state.
    let show: (@Sendable (_Slice, String) -> Void)?
    /// What an engine makes of it; nil: no more than `own`.
    @usableFromInline let ofServer: (any Sendable)?

    init(
        own: (@Sendable (_Slice) -> Void)? = nil, show: (@Sendable (_Slice, String) -> Void)? = nil,
        ofServer: (any Sendable)? = nil
    ) {
        self.own = own
        self.show = show
        self.ofServer = ofServer
    }
}

extension _Post {
    /// Sends a command; the reply slot hears of the process's end as well.
    static func command(_ command: _SystemCommand, to pid: UInt64, reply: UInt64) -> _SendStatus {
        guard let thread = unsafe mt_thread_self(),
            let node = unsafe _Node.make(thread, command, kind: .system, reply: reply)
        else { return .noMemory }
        if unsafe mt_process_send_command(thread, pid, node.pointer) == .ok { return .queued }
        unsafe node.drop(thread)
        return .noProcess
    }
}

extension _Slice {
    /// The next command; `reply` is its slot from here on.
    ///
    /// Owner, between messages.
    @usableFromInline
    func nextCommand() -> _SystemCommand? {
        guard let node = unsafe mt_slice_next_command(pointer) else { return nil }
        unsafe pointer.pointee.reply = node.pointee.reply
        let command = unsafe _Node.take(_SystemCommand.self, from: mt_node_payload(node))
        unsafe mt_node_free(pointer.pointee.thread, node)
        return command
    }

    /// Nobody here answers them.
    func refuseCommands() { while nextCommand() != nil { refuse() } }

    /// The current command is not understood.
    @usableFromInline
    func refuse() { mt_reply_complete(reply, .timeout) }

    /// There is no memory for the current command.
    func refuseForMemory() { mt_reply_complete(reply, .overloaded) }

    /// Handles nothing but commands and what ends it from now on, or the rest again; false: no memory.
    func suspend(_ isSuspended: Bool) -> Bool { unsafe mt_slice_suspend(pointer, isSuspended) }

    /// No call is handled in place from now on, or may be again; false: no memory.
    func watch(_ isWatched: Bool) -> Bool { unsafe mt_slice_watch(pointer, isWatched) }

    /// Goes on as a process of another type, whose state is in place.
    ///
    /// The slice is over: give the process back.
    @usableFromInline
    func become(_ processClass: _ProcessClass) { unsafe mt_slice_become(pointer, processClass.core) }

    /// Hands the process to a worker.
    ///
    /// Owner, then no more.
    @usableFromInline
    func handOver() { unsafe mt_slice_hand_over(pointer) }

    /// Whether the current command has been answered.
    var isAnswered: Bool { !mt_reply_is_armed(reply) }

    /// The process that made the current command, 0: none, or no longer known.
    var askerOfReply: UInt64 { mt_reply_caller(reply) }

    var isSuspended: Bool { unsafe mt_slice_is_suspended(pointer) }

    /// Messages that this thread has sent in the runtime so far.
    var sentHere: UInt64 { unsafe mt_a64_load_rlx(&pointer.pointee.stats.pointee.sent) }
}

extension _Answer {
    /// Answers a command with what doing it gives; nothing is done for a caller who has given up.
    ///
    /// The caller does not leave meanwhile: `act` runs no user code and takes a moment.
    static func give<Value>(to ref: UInt64, _ act: () -> Value) {
        guard let reply = unsafe mt_reply_claim(ref) else { return }
        unsafe _ReplyValue.put(act(), at: mt_reply_value(ref))
        if let waiter = unsafe mt_reply_finish(reply, .value) { unsafe _Waiter(pointer: waiter).resume() }
    }
}

extension _TaskProcess {
    /// Performs what every process can, if the body wants that; the rest is refused.
    ///
    /// Owner. False: a killer took the process out of `formatStatus`.
    func performCommands() -> Bool {
        if !answersCommands { face.refuseCommands() }
        while let command = face.nextCommand() {
            if let own = command.own {
                own(face)
            } else if let show = command.show {
                face.enterLong(call: face.reply)
                let text = formatStatus?() ?? ""
                face.forgetCall()
                guard face.leaveLong() else { return false }
                show(face, text)
            } else {
                face.refuse()
            }
        }
        return true
    }
}

extension _State where Value: ~Copyable {
    /// Room without a value so far; nil: out of memory.
    static func room() -> _State<Value>? {
        guard let pointer = unsafe allocate() else { return nil }
        return unsafe _State(pointer)
    }

    /// Moves a value into room.
    func put(_ value: consuming Value) { unsafe pointer.initialize(to: value) }

    /// Moves the value out; the memory is still to be freed.
    @usableFromInline
    func take() -> Value { unsafe pointer.move() }

    /// Frees the memory of a value that was moved out.
    @usableFromInline
    func free() {
        unsafe mt_state_free(UnsafeMutableRawPointer(pointer), MemoryLayout<Value>.size, MemoryLayout<Value>.alignment)
    }
}
