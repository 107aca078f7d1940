// SPDX-License-Identifier: Apache-2.0
// An AsyncSequence as a producer. The other way round: StageSequence.

/// A producer over an AsyncSequence: takes from it only what is asked for, and stops when it ends.
///
/// A process of its own reads the sequence, so that one which waits holds up nothing. When it ends the producer stops with
/// `.normal`, as soon as all it has emitted was asked for; when it throws, with that error.
///
/// OTP: `GenStage.from_enumerable/2`.
public struct SequenceProducer<Base: AsyncSequence & Sendable>: Stage, ~Copyable where Base.Element: Sendable {
    /// What it emits.
    public typealias Output = Base.Element
    /// What it is started with.
    public typealias Argument = Base
    /// News of the process that reads.
    public enum Message: Sendable {
        /// An element, nil at the end, or what the sequence threw.
        case next(Result<Base.Element?, any Error>)
    }

    private let reader: ProcessRef<Int>
    private var isOver = false

    /// Callback of the engine; use `start`.
    public init(_ sequence: Base) throws {
        let producer = Self.current.process
        reader = spawnLink(Int.self) { wanted in
            var iterator = sequence.makeAsyncIterator()
            while true {
                for _ in 0..<(try await wanted.receive()) {
                    let next: Base.Element?
                    // Whatever it is, told behind the elements: an end of this process would overtake them.
                    do { next = try await iterator.next() } catch { return _ = producer.send(.next(.failure(error))) }
                    producer.send(.next(.success(next)))
                    if next == nil { return }
                }
            }
        }
    }

    deinit { reader.pid.kill() }

    /// Callback of the engine.
    public mutating func handleDemand(_ count: Int, _ out: inout Emitter<Base.Element>) throws -> Next {
        if isOver { return .stop() }
        reader.send(count)
        return .wait
    }

    /// Callback of the engine.
    public mutating func handleInfo(_ info: Info<Message>, _ out: inout Emitter<Base.Element>) throws -> Next {
        guard case .message(.next(let result)) = info else { return .wait }
        if let element = try result.get() {
            out.emit(element)
            return .wait
        }
        isOver = true
        out.owesNothing = true
        // What is kept for a consumer to come goes out first: the next to ask for more ends it.
        return out.isKept ? .wait : .stop()
    }
}
