// SPDX-License-Identifier: Apache-2.0
// Group commit, for stores: what waits is handed to one thread in batches, so that a thousand servers share one sync.
//
//     write ... write ... write      each suspends its caller
//         \       |       /
//          waiting (a list)          filled while the batch before is on its way to the disk
//                  |
//               perform              on one thread, one batch at a time; a result for each of its writes
//                  |
//       all its callers are resumed

internal import Dispatch
internal import Martlet

/// Gathers writes and performs them in batches, in the order in which they came.
package final class WriteQueue<Write: Sendable, Value: Sendable>: Sendable {
    /// Performs a batch, and says what became of each of its writes; its thread may block.
    package typealias Perform = @Sendable ([Write]) -> [Result<Value, StoreError>]

    private struct Waiting: Sendable {
        var writes: [(write: Write, done: CheckedContinuation<Result<Value, StoreError>, Never>)] = []
        var isWriting = false
    }

    /// Writes of one batch: what is lost, and done again, when one of them fails.
    private static var batchMax: Int { 4_096 }

    private let waiting = _Locked(Waiting())
    private let thread: DispatchQueue
    private let perform: Perform

    package init(label: String, perform: @escaping Perform) {
        thread = DispatchQueue(label: label)
        self.perform = perform
    }

    /// Performs a write, together with what else waits.
    package func write(_ write: Write) async throws(StoreError) -> Value {
        let result = await withCheckedContinuation { done in
            let isFirst = waiting.withLock { waiting in
                waiting.writes.append((write, done))
                defer { waiting.isWriting = true }
                return !waiting.isWriting
            }
            if isFirst { thread.async { self.drain() } }
        }
        return try result.get()
    }

    private func drain() {
        while true {
            let batch = waiting.withLock { waiting in
                let batch = Array(waiting.writes.prefix(Self.batchMax))
                waiting.writes.removeFirst(batch.count)
                if batch.isEmpty { waiting.isWriting = false }
                return batch
            }
            if batch.isEmpty { return }
            let results = perform(batch.map(\.write))
            for (index, result) in results.enumerated() { batch[index].done.resume(returning: result) }
        }
    }
}
