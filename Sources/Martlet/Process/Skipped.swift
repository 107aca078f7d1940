// SPDX-License-Identifier: Apache-2.0
// What selective receives of a raw process passed over.

/// One message or signal that was taken out of the mailbox.
@usableFromInline
struct _Received<Message: Sendable> {
    @usableFromInline let info: Info<Message>
    /// The tie that news came by, 0: it is no news.
    @usableFromInline let tie: UInt64
    /// The number of the alias it came through, 0: none.
    @usableFromInline let via: UInt32
    /// Counts up in the queue: what was skipped before an alias was made did not come through it.
    @usableFromInline var number = 0

    @inlinable
    init(_ info: Info<Message>, tie: UInt64 = 0, via: UInt32 = 0) {
        self.info = info
        self.tie = tie
        self.via = via
    }
}

/// All of them, oldest first.
@usableFromInline
struct _SkippedQueue<Message: Sendable> {
    @usableFromInline private(set) var items: [_Received<Message>] = []
    /// How many there have been.
    private(set) var total = 0
    /// At this many, news of ties that were given up meanwhile is looked for.
    private var pruneAt = 16

    init() {}

    @usableFromInline var isEmpty: Bool { items.isEmpty }

    @usableFromInline
    mutating func takeFirst() -> _Received<Message> { items.removeFirst() }

    /// Keeps one, news as long as its tie stands.
    @usableFromInline
    mutating func append(_ received: consuming _Received<Message>, of process: _TaskProcess) {
        if items.count >= pruneAt {
            items.removeAll { !process.mayRead($0.tie) }
            pruneAt = max(16, 2 * items.count)
        }
        received.number = total
        total += 1
        items.append(received)
    }

    /// The first message that `match` accepts.
    @inlinable
    mutating func take<R>(_ match: (Message) -> R?) -> R? {
        if isEmpty { return nil }
        for index in items.indices {
            guard case .message(let message) = items[index].info, let result = match(message) else { continue }
            remove(at: index)
            return result
        }
        return nil
    }

    /// The first message that came through an alias, which was made when `mark` had been skipped.
    ///
    /// - Complexity: O(log n), and O(n) in what has been skipped since.
    @usableFromInline
    mutating func take(via alias: UInt32, since mark: Int) -> Message? {
        for index in start(since: mark)..<items.count where items[index].via == alias {
            guard case .message(let message) = items[index].info else { continue }
            remove(at: index)
            return message
        }
        return nil
    }

    /// Takes out what came through an alias, which was made when `mark` had been skipped.
    mutating func drop(via alias: UInt32, since mark: Int) {
        if isEmpty { return }
        let start = start(since: mark)
        if !items[start...].contains(where: { $0.via == alias }) { return }
        items.replaceSubrange(start..., with: items[start...].filter { $0.via != alias })
    }

    /// Where what was skipped from then on begins.
    private func start(since mark: Int) -> Int {
        var (low, high) = (0, items.count)
        while low < high {
            let middle = (low + high) / 2
            if items[middle].number < mark { low = middle + 1 } else { high = middle }
        }
        return low
    }

    @usableFromInline
    mutating func remove(at index: Int) { items.remove(at: index) }
}
