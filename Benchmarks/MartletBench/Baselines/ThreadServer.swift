// SPDX-License-Identifier: Apache-2.0
// A server by hand: a thread, a mutex, a condition variable.
//
//      lock; while the queue is empty: wait; take the oldest; unlock; handle it
//
// With a capacity, a full queue makes the sender wait, is refused, or loses its oldest message.

import Foundation
import MartletBenchCore

final class ThreadServer<State: ServerState>: BaselineServer, @unchecked Sendable {
    // @unchecked: queue, isClosing and waitingProducers are used only with the condition's lock held; lastState is
    // written by the thread before it arrives at `ended` and read after that.
    private let condition = NSCondition()
    private var queue = FIFO<State.Message>()
    private var isClosing = false
    private var waitingProducers = 0
    private var lastState: State
    private let ended = Latch(1)
    private let capacity: Int
    private let policy: Workload.Overload

    convenience init(_ state: State) {
        self.init(state, policy: .unbounded)
    }

    init(_ state: State, policy: Workload.Overload) {
        lastState = state
        self.policy = policy
        capacity = policy == .unbounded ? .max : BackpressureWorkload.capacity
        Clients.start { self.loop(state) }
    }

    private func loop(_ state: State) {
        var state = state
        while let message = next() { state.handle(message) }
        state.retire()
        lastState = state
        ended.arrive()
    }

    /// The oldest message; waits for one.
    ///
    /// Nil when the server closes and nothing is left.
    private func next() -> State.Message? {
        condition.lock()
        defer { condition.unlock() }
        while queue.isEmpty && !isClosing { condition.wait() }
        // One condition for both sides: a signal might reach the wrong one.
        if waitingProducers > 0 { condition.broadcast() }
        return queue.popFirst()
    }

    func send(_ message: State.Message) {
        _ = offer(message)
    }

    @discardableResult
    func offer(_ message: State.Message) -> Delivery {
        condition.lock()
        defer { condition.unlock() }
        var delivery = Delivery.accepted
        if queue.count >= capacity {
            switch policy {
            case .unbounded:
                break
            case .reject:
                return .refused
            case .dropOldest:
                _ = queue.popFirst()
                delivery = .displacedAnother
            case .wait:
                waitingProducers += 1
                while queue.count >= capacity { condition.wait() }
                waitingProducers -= 1
            }
        }
        queue.append(message)
        if waitingProducers > 0 { condition.broadcast() } else { condition.signal() }
        return delivery
    }

    func finish() async -> State {
        close()
        await ended.wait()
        return lastState
    }

    private func close() {
        condition.lock()
        isClosing = true
        condition.broadcast()
        condition.unlock()
    }
}
