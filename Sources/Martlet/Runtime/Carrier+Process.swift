// SPDX-License-Identifier: Apache-2.0
// How a carrier comes to a process, and how the two part.

internal import CMartlet

extension _Carrier {
    /// Becomes the owner in place of a worker's slice.
    func adopt(_ worker: _Slice, _ serve: @escaping Serve) {
        var scratch = unsafe words.pointee.slice.scratch
        if unsafe scratch == nil {
            let size = unsafe mt_slice_scratch_size(worker.pointer)
            if size > 0 { unsafe scratch = .allocate(capacity: size) }
        }
        unsafe mt_slice_adopt(slice.pointer, worker.pointer, scratch)
        unsafe words.pointee.slice.frame.is_of_task = true
        let type = unsafe UnsafeRawPointer(mt_slice_class(slice.pointer))
        unsafe words.pointee.isAgain = unsafe words.pointee.type == type
        unsafe words.pointee.type = unsafe type
        unsafe words.pointee.serve = serve
        unsafe words.pointee.state = unsafe slice.pointer.pointee.slot.pointee.state
        unsafe attach()
    }

    /// While there is a carrier, the slot leads to it.
    @unsafe
    private func attach() {
        unsafe slice.pointer.pointee.slot.pointee.state = unsafe Unmanaged.passUnretained(self).toOpaque()
    }

    /// Owner.
    @unsafe
    private func detach() -> UnsafeMutablePointer<mt_thread_t>? {
        unsafe slice.pointer.pointee.slot.pointee.state = unsafe words.pointee.state
        let thread = unsafe mt_thread_self()
        unsafe thread?.pointee.frame = unsafe words.pointee.slice.frame.below
        return unsafe thread
    }

    /// Where the state of the process lies, which the task has from here on, wherever it runs; nil: `init` is to make it.
    ///
    /// Owner.
    @usableFromInline
    func settle() -> _StateAddress? {
        if let thread = unsafe mt_thread_self() { unsafe mt_slice_move(slice.pointer, thread) }
        return unsafe words.pointee.state.map { unsafe _StateAddress($0) }
    }

    /// Gives a new incarnation its state.
    ///
    /// Owner.
    @usableFromInline
    func install(_ state: _StateAddress) { unsafe words.pointee.state = unsafe state.raw }

    /// Gives an empty process back.
    ///
    /// False: a message or signal is there. Owner; the owner no more if true.
    @usableFromInline
    func giveBack() -> Bool {
        let thread = unsafe detach()
        if unsafe mt_slice_give_back(slice.pointer) { return true }
        unsafe thread?.pointee.frame = slice.frame
        unsafe attach()
        return false
    }

    /// Queues the process behind the others.
    ///
    /// Owner, then no more.
    @usableFromInline
    func yield() {
        _ = unsafe detach()
        unsafe mt_slice_yield(slice.pointer)
    }

    /// The process goes on as another type, whose state is in place: a worker runs its engine.
    ///
    /// Owner, then no more.
    @usableFromInline
    func become() {
        unsafe words.pointee.state = unsafe slice.pointer.pointee.slot.pointee.state
        _ = unsafe detach()
        unsafe mt_slice_hand_over(slice.pointer)
    }

    /// After the exit: a worker ends the messages that are left.
    ///
    /// Owner, then no more.
    @usableFromInline
    func finish() {
        unsafe mt_thread_self()?.pointee.frame = unsafe words.pointee.slice.frame.below
        unsafe mt_slice_hand_over(slice.pointer)
    }

    /// The carrier of a process that was taken out of its callback; for the worker of the exit, once.
    @usableFromInline
    static func holding(_ worker: _Slice) -> _Carrier? {
        guard let pointer = unsafe worker.pointer.pointee.slot.pointee.state else { return nil }
        return unsafe Unmanaged<_Carrier>.fromOpaque(pointer).takeRetainedValue()
    }
}
