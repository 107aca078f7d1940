// SPDX-License-Identifier: Apache-2.0
// The results of many tasks, a few at a time.

/// The results of `Tasks.stream`; each element is a value or why there is none.
///
/// A loop over it starts at most `concurrency` processes at a time, linked with nobody: the failure of one item is an element,
/// and the loop goes on. Nothing runs before the loop begins, and each loop runs the work anew. When the loop is left the
/// processes are killed. Cancelling its Swift task does the same, and ends the sequence; so does the end of the process
/// whose loop it is, which cancels its task.
///
/// OTP: the stream of `Task.async_stream/3`.
public struct TaskStream<Value: Sendable>: AsyncSequence, Sendable {
    /// A value, or why there is none.
    public typealias Element = Result<Value, TaskError>
    /// None: failures are elements.
    public typealias Failure = Never

    /// Makes, for one loop, what starts the work of one item after the other; nil: there are no more.
    let items: @Sendable () -> () -> Result<Work<Value>, TaskError>?
    let concurrency: Int
    let isOrdered: Bool

    init<Items: Sequence & Sendable>(
        _ items: Items, _ settings: Settings,
        _ start: @escaping @Sendable (Items.Element) -> Result<Work<Value>, TaskError>
    ) {
        self.items = {
            var iterator = items.makeIterator()
            return { iterator.next().map(start) }
        }
        concurrency = settings.concurrency
        isOrdered = settings.isOrdered
    }

    struct Settings {
        let concurrency: Int
        let isOrdered: Bool

        init(_ concurrency: Int?, isOrdered: Bool, _ file: StaticString, _ line: UInt) {
            self.concurrency = concurrency ?? Runtime.current.configuration.workerCount
            self.isOrdered = isOrdered
            let count = self.concurrency
            precondition(count >= 1, "expected a concurrency of 1 or more, got \(count)", file: file, line: line)
        }
    }

    /// Ends its processes when it goes away.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let workers: StreamWorkers<Value>

        fileprivate init(_ stream: TaskStream) { workers = StreamWorkers(stream) }

        /// The next, or nil at the end.
        public mutating func next() async -> Element? { await workers.next() }

        /// The next, or nil at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Element? { await workers.next() }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}
