// SPDX-License-Identifier: Apache-2.0
// The processes of one loop over a TaskStream. Owned by its iterator, whose end is theirs.
//
//      items --start--> running --reply, end, timeout--> done --read--> the loop
//                       '------- together at most `concurrency` -------'

/// The work under way in one loop, and what of it was not read.
final class StreamWorkers<Value: Sendable> {
    private let start: () -> Result<Work<Value>, TaskError>?
    private let concurrency: Int
    private let isOrdered: Bool
    /// By the number of the item.
    private var running: [Int: Pid] = [:]
    private var done: [Int: Result<Value, TaskError>] = [:]
    private var replies = PendingReplies<Int, Value>()
    private var startedCount = 0
    private var readCount = 0
    private var hasMore = true

    init(_ stream: TaskStream<Value>) {
        start = stream.items()
        concurrency = stream.concurrency
        isOrdered = stream.isOrdered
    }

    deinit { end() }

    /// The next result, in order or as they come; nil: there are no more, or the task was cancelled.
    nonisolated(nonsending) func next() async -> Result<Value, TaskError>? {
        while true {
            if Task.isCancelled { return end() }
            fill()
            if let result = takeDone() { return result }
            if running.isEmpty { return nil }
            if let (number, reply) = await replies.next() {
                note(number, reply)
            } else if !Task.isCancelled {
                // The request that the current handler is busy with has no time left.
                for number in running.keys.sorted() { note(number, nil) }
                replies = PendingReplies()
            }
        }
    }

    private func fill() {
        while hasMore, running.count + done.count < concurrency {
            guard let work = start() else {
                hasMore = false
                return
            }
            switch work {
            case .success(let work):
                running[startedCount] = work.pid
                replies.insert(work.reply, label: startedCount)
            case .failure(let error): done[startedCount] = .failure(error)
            }
            startedCount += 1
        }
    }

    private func takeDone() -> Result<Value, TaskError>? {
        guard let number = isOrdered ? readCount : done.keys.min(), let result = done.removeValue(forKey: number) else {
            return nil
        }
        readCount += 1
        return result
    }

    /// Nil: not in time.
    private func note(_ number: Int, _ reply: Result<Value, CallError>?) {
        let pid = running.removeValue(forKey: number)
        switch reply {
        case .success(let value)?: done[number] = .success(value)
        case .failure(let error)? where error.exitReason != nil:
            // Where there was no memory to wait for it, it may go on.
            pid?.kill()
            done[number] = .failure(.exited(error.exitReason ?? .noProcess))
        default:
            pid?.kill()
            done[number] = .failure(.timeout)
        }
    }

    /// The loop was left: the processes end, and what they made.
    @discardableResult
    private func end() -> Result<Value, TaskError>? {
        hasMore = false
        for number in running.keys.sorted() { running[number]?.kill() }
        running = [:]
        done = [:]
        replies = PendingReplies()
        return nil
    }
}

extension CallError {
    /// How the process ended that was to answer; nil: it is not that.
    fileprivate var exitReason: ExitReason? {
        switch reason {
        case .exited(let reason): reason
        case .timeout: nil
        default: .noProcess
        }
    }
}
