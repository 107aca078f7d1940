// SPDX-License-Identifier: Apache-2.0
// Undelivered messages, as counts and as a stream.

extension Runtime {
    /// The dead letters from now on.
    ///
    /// Newest dropped when the reader is slow; all are counted in any case. While a stream is read, each dead letter
    /// costs its sender or the worker that dropped it a microsecond or so. The sender is named where it is known: of calls,
    /// of late replies, and of what was refused at the door. Of a late reply it is not known any more who asked: its `to` is
    /// ``Pid/none``.
    ///
    /// - Parameter buffer: how many to keep for a slow reader; 1,024 by default.
    /// - Returns: the stream; it ends with its reader.
    public func deadLetters(buffer: Int = 1_024) -> AsyncStream<DeadLetter> {
        AsyncStream(bufferingPolicy: .bufferingOldest(max(1, buffer))) { continuation in
            let id = context.deadLetters.add { note in
                guard let cause = DeadLetter.Cause(core: note.cause) else { return }
                let from = note.from == 0 ? nil : Pid(raw: note.from)
                continuation.yield(DeadLetter(to: Pid(raw: note.pid), from: from, type: note.type, cause: cause))
            }
            let context = context
            continuation.onTermination = { _ in context.deadLetters.remove(id) }
        }
    }

    /// How many messages were not delivered, by cause.
    public var deadLetterCounts: [DeadLetter.Cause: UInt64] {
        var counts: [DeadLetter.Cause: UInt64] = [:]
        for (number, count) in deadLetterCountsByNumber.enumerated() {
            guard let cause = DeadLetter.Cause(core: UInt32(number)) else { continue }
            counts[cause] = count
        }
        return counts
    }
}

extension DeadLetter.Cause {
    /// The core's number of it.
    init?(core number: UInt32) {
        switch number {
        case 0: self = .noProcess
        case 1: self = .full
        case 2: self = .receiverEnded
        case 3: self = .expired
        case 4: self = .lateReply
        default: return nil
        }
    }
}
