// SPDX-License-Identifier: Apache-2.0
// `ties` on the pool: a server that links and watches from inside a handler, and hears of ends in `handleInfo`.

import Martlet
import MartletBenchCore

struct TyingServer: GenServer {
    enum Cast {
        /// Operations of that kind, on a peer where it needs one.
        case begin(Workload.Tying, Int, Pid)
    }

    /// Signals of linked processes are news.
    static var trapsExits: Bool { true }

    private let clock: TieClock
    /// Ends to hear of.
    private var missing = 0

    init(_ clock: TieClock) {
        self.clock = clock
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        guard case .begin(let kind, let count, let peer) = cast else { return .wait }
        switch kind {
        case .link:
            clock.begin()
            for _ in 0..<count {
                peer.link()
                peer.unlink()
            }
            clock.end(wrong: 0)
        case .monitor:
            clock.begin()
            var wrong = 0
            for _ in 0..<count where !peer.monitor().cancel() { wrong += 1 }
            clock.end(wrong: wrong)
        case .down:
            missing = count
            for _ in 0..<count { _ = peer.monitor() }
            clock.begin()
            peer.kill()
        case .spawnLink:
            missing = count
            clock.begin()
            for _ in 0..<count { spawnLink(Never.self) { _ in } }
        }
        return .wait
    }

    mutating func handleInfo(_ info: Info<Never>) -> Next {
        switch info {
        case .down, .exit: missing -= 1
        default: return .wait
        }
        if missing == 0 { clock.end(wrong: 0) }
        return .wait
    }
}

extension TyingServer {
    /// One run: a server, and a peer that only waits.
    static func drive(_ kind: Workload.Tying, _ run: Run) async throws -> Outcome {
        let clock = TieClock()
        let (server, peer) = (try await start(clock), try await start(TieClock()))
        server.cast(.begin(kind, run.operations, peer.pid))
        let nanoseconds = try await clock.wait()
        try await server.stop()
        // An operation of `down` ends it.
        do { try await peer.stop() } catch { try WrongResult.unless(kind == .down ? 1 : 0, is: 1, "peers that ended") }
        return Outcome(operations: run.operations, nanoseconds: nanoseconds)
    }
}

/// When the operations began and ended, by the server's own word.
final class TieClock: Sendable {
    private let started = Box<UInt64>(0)
    private let wrong = Box(0)
    private let done = Latch(1)

    func begin() { started.value = MonotonicClock.now() }

    func end(wrong count: Int) {
        wrong.value = count
        done.arrive()
    }

    func wait() async throws -> UInt64 {
        let end = await done.wait()
        try WrongResult.unless(wrong.value, is: 0, "monitors that had fired")
        return end - started.value
    }
}
