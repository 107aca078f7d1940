// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGINT as a stream, for a program that ends in good order.

internal import Dispatch
internal import Glibc

/// From `caught` to `stop` these signals do not end the OS process but are told here.
final class TerminationSignals: @unchecked Sendable {  // dispatch sources may be cancelled from any thread
    /// Each signal as it comes.
    let stream: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]
    private let continuation: AsyncStream<Int32>.Continuation
    private let registered = DispatchGroup(), cancelled = DispatchGroup()

    /// Catches the signals; from its return on none of them is missed, and before it none is ignored.
    static nonisolated(nonsending) func caught(_ signals: [Int32] = [SIGTERM, SIGINT]) async -> TerminationSignals {
        let caught = TerminationSignals(signals)
        for source in caught.sources { source.activate() }
        await over(caught.registered)
        return caught
    }

    private init(_ signals: [Int32]) {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        self.stream = stream
        self.continuation = continuation
        sources = signals.map { DispatchSource.makeSignalSource(signal: $0, queue: .global()) }
        for (number, source) in zip(signals, sources) {
            registered.enter()
            cancelled.enter()
            source.setRegistrationHandler { [registered] in registered.leave() }
            source.setEventHandler { continuation.yield(number) }
            // Not before: Dispatch installs and removes its own handler in its own time, and one that it installs after this
            // would swallow the signal for good.
            source.setCancelHandler { [cancelled] in
                _ = signal(number, SIG_DFL)
                cancelled.leave()
            }
        }
    }

    /// When it returns, the signals end the OS process again.
    nonisolated(nonsending) func stop() async {
        for source in sources { source.cancel() }
        await Self.over(cancelled)
        continuation.finish()
    }

    private static nonisolated(nonsending) func over(_ group: DispatchGroup) async {
        await withCheckedContinuation { continuation in
            group.notify(queue: .global()) { continuation.resume() }
        }
    }
}
