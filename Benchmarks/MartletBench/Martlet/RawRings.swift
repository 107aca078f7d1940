// SPDX-License-Identifier: Apache-2.0
// `ping-pong` and `ring` by hand: processes that send on what they receive.

import Martlet
import MartletBenchCore

struct RawRings: RelayTarget {
    /// What a process has to show at its end.
    struct Record {
        var handled = 0
        var latencies: [UInt64] = []
    }

    enum Message: Sendable {
        /// The next process.
        case join(ProcessRef<Message>)
        /// The message, to be handled that many more times, this one included.
        case token(Int)
        case finish(replyTo: ProcessRef<Record>)
    }

    private let rings: [[ProcessRef<Message>]]

    init(rings: Int, servers: Int, done: Latch, sampler: LatencySampler) {
        self.rings = (0..<rings).map { _ in
            let ring = (0..<servers).map { Self.relay(done, $0 == 0 ? sampler : nil) }
            for (index, process) in ring.enumerated() { process.send(.join(ring[(index + 1) % servers])) }
            return ring
        }
    }

    private static func relay(_ done: Latch, _ sampler: LatencySampler?) -> ProcessRef<Message> {
        spawn { mailbox in
            var handled = 0
            var sampler = sampler
            var next: ProcessRef<Message>?
            while true {
                switch try await mailbox.receive() {
                case .join(let process):
                    next = process
                case .token(let remaining):
                    handled += 1
                    sampler?.lap()
                    if remaining > 1 { next?.send(.token(remaining - 1)) } else { done.arrive() }
                case .finish(let client):
                    client.send(Record(handled: handled, latencies: sampler?.samples ?? []))
                    return
                }
            }
        }
    }

    func go(hops: Int) {
        for ring in rings { ring[0].send(.token(hops)) }
    }

    func finish() async throws -> (handled: Int, latencies: [UInt64]) {
        var all = Record()
        for process in rings.joined() {
            let record: Record = try await ask(process) { .finish(replyTo: $0) }
            all.handled += record.handled
            all.latencies += record.latencies
        }
        return (all.handled, all.latencies)
    }
}
