// SPDX-License-Identifier: Apache-2.0
// A collection of requests: each one that is answered puts itself in line, and wakes who waits for the next.

internal import CMartlet

/// The requests of one collection, each with its label.
final class _Gathering<Label: Sendable>: @unchecked Sendable {  // its state is under the lock
    /// One that can be taken.
    struct Arrival {
        let label: Label
        /// Held by the collection; nil: it was over when it was added.
        let request: UInt64?
        /// How, then.
        let failure: _Outcome?
    }

    private struct State {
        var gather: _Gather?
        /// Those under way, by their handles, with their reply slots.
        var members: [UInt64: (label: Label, reply: UInt64)] = [:]
        /// Those that have arrived; the first `taken` have been given out.
        var arrivals: [Arrival] = []
        var taken = 0
        var isWaitedFor = false
    }

    private let state = _Locked(State())

    deinit { abandonAll() }

    /// How many have not been taken.
    var count: Int { state.withLock { $0.members.count + $0.arrivals.count - $0.taken } }

    /// Adds a request that is held for it.
    ///
    /// False: no memory.
    func add(_ request: UInt64, _ label: Label) -> Bool {
        state.withLock { state in
            if state.gather == nil { state.gather = _Gather() }
            guard let gather = state.gather else { return false }
            state.members[request] = (label, mt_request_reply(request))
            gather.add(request)
            return true
        }
    }

    /// Adds what is over already.
    func add(_ failure: _Outcome, _ label: Label) {
        state.withLock { state in
            state.arrivals.append(Arrival(label: label, request: nil, failure: failure))
        }
    }

    /// The first that has arrived and was not taken.
    func next() -> Arrival? {
        state.withLock { state in
            if state.taken == state.arrivals.count { collect(&state) }
            guard state.taken < state.arrivals.count else { return nil }
            state.taken += 1
            return state.arrivals[state.taken - 1]
        }
    }

    /// What the core has, in the order of arrival.
    private func collect(_ state: inout State) {
        state.arrivals.removeAll(keepingCapacity: true)
        state.taken = 0
        guard let gather = state.gather, !state.isWaitedFor else { return }
        var request = gather.take()
        while request != 0 {
            let next = mt_request_next(request)
            if let member = state.members.removeValue(forKey: request) {
                state.arrivals.append(Arrival(label: member.label, request: request, failure: nil))
            }
            request = next
        }
        state.arrivals.reverse()
    }

    /// Suspends until one arrives, the slot's deadline passes or the task is cancelled; the slot is taken.
    nonisolated(nonsending) func wait(_ call: _Call) async -> _Outcome {
        let gather = state.withLock { state in
            precondition(!state.isWaitedFor, "expected one `next` of a collection at a time")
            state.isWaitedFor = true
            return state.gather
        }
        await withTaskCancellationHandler {
            await call.suspend { if gather?.wait(call.ref) != true { call.grant() } }
        } onCancel: {
            call.cancel()
        }
        gather?.leave()
        state.withLock { $0.isWaitedFor = false }
        return call.takeOutcome()
    }

    /// Gives up all that were not taken.
    func abandonAll() {
        let old = state.withLock { state in
            let old = state
            state = State()
            return old
        }
        // Values end here, without the lock.
        old.gather?.close()
        for member in old.members.values { mt_reply_complete(member.reply, .cancelled) }
        for arrival in old.arrivals.dropFirst(old.taken) {
            if let request = arrival.request { mt_request_drop(request) }
        }
    }
}

/// The core's part of a collection.
///
/// Ends with `close`.
@safe
private struct _Gather: @unchecked Sendable {  // one word of the core decides who may what
    private let pointer: OpaquePointer

    /// Nil: no memory.
    init?() {
        guard let pointer = unsafe mt_gather_make() else { return nil }
        unsafe self.pointer = unsafe pointer
    }

    func add(_ request: UInt64) { unsafe mt_gather_add(pointer, request) }
    /// The newest that has arrived, 0: none.
    func take() -> UInt64 { unsafe mt_gather_take(pointer) }
    /// Whether the slot will hear of the next arrival; false: there is one.
    func wait(_ slot: UInt64) -> Bool { unsafe mt_gather_wait(pointer, slot) }
    func leave() { unsafe mt_gather_leave(pointer) }
    func close() { unsafe mt_gather_close(pointer) }
}

extension _Call {
    /// Completes a slot that waits for something which is there already.
    func grant() { mt_reply_complete(ref, .granted) }

    /// Arms a slot for a wait of the running task; nil: no memory.
    static func waiting(_ timeout: UInt64) -> _Call? {
        guard case .success(let call) = begin(in: Runtime.currentCore, timeout: timeout) else { return nil }
        return call
    }
}
