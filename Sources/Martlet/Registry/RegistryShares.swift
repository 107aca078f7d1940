// SPDX-License-Identifier: Apache-2.0
// The entries of one dispatch in parallel, in shares that are taken by who comes first: the dispatching code, or one of
// its helpers. A helper that is killed takes nothing away: before it began it had no share, and afterwards its code goes
// on, and is waited for; the end of its process says nothing of that.

/// Shares of entries, each handed to `body` once.
final class RegistryShares<Entry: Sendable>: Sendable {
    private struct State {
        /// Nil: closed.
        var body: (@Sendable (Entry) -> Void)?
        /// The first entry that nobody has taken.
        var next = 0
        /// Shares that are being handed over.
        var running = 0
        /// Waits for those.
        var waiter: _Latch?
    }

    /// How many there are.
    let count: Int
    private let entries: [Entry]
    private let share: Int
    private let state: _Locked<State>

    init(_ entries: [Entry], among workers: Int, _ body: @escaping @Sendable (Entry) -> Void) {
        self.entries = entries
        share = (entries.count - 1) / workers + 1
        count = (entries.count - 1) / share + 1
        state = _Locked(State(body: body))
    }

    /// Hands shares over until there are no more.
    func work() {
        while handOver() {
            let waiter = state.withLock { state in
                state.running -= 1
                return state.running == 0 ? state.waiter : nil
            }
            waiter?.open()
        }
    }

    /// One share; a call of its own, so that nothing of `body` is held once it has returned.
    @inline(never)
    private func handOver() -> Bool {
        let taken = state.withLock { state -> (Range<Int>, @Sendable (Entry) -> Void)? in
            guard let body = state.body, state.next < entries.count else { return nil }
            let range = state.next..<min(state.next + share, entries.count)
            state.next = range.upperBound
            state.running += 1
            return (range, body)
        }
        guard let (range, body) = taken else { return false }
        entries[range].forEach(body)
        return true
    }

    /// Waits for the shares that others took, blocking the thread; from then on nobody knows `body`.
    ///
    /// Whoever found no more shares to take.
    func close() {
        if state.withLock({ $0.running > 0 }) {
            let latch = _Latch()
            let isWaitedFor = state.withLock { state in
                state.waiter = latch
                return state.running > 0
            }
            if !isWaitedFor { latch.open() }
            latch.wait()
        }
        state.withLock { $0.body = nil }
    }
}
