// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGINT as a stream, for a program that ends in good order.

internal import Dispatch
internal import Glibc

/// While it lives, these signals do not end the OS process but are told here.
final class TerminationSignals: @unchecked Sendable {  // dispatch sources may be cancelled from any thread
    /// Each signal as it comes.
    let stream: AsyncStream<Int32>
    private let signals: [Int32]
    private let sources: [any DispatchSourceSignal]
    private let continuation: AsyncStream<Int32>.Continuation

    init(_ signals: [Int32] = [SIGTERM, SIGINT]) {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        self.stream = stream
        self.continuation = continuation
        self.signals = signals
        sources = signals.map { number in
            // A source sees what the process ignores.
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
    }

    deinit { stop() }

    /// The signals end the OS process again.
    func stop() {
        for source in sources where !source.isCancelled { source.cancel() }
        for number in signals { _ = signal(number, SIG_DFL) }
        continuation.finish()
    }
}
