// SPDX-License-Identifier: Apache-2.0
// F14 at a small size; at full size: martlet-soak slow-consumer.

import MartletFaults
import Testing

@Suite("F14: slow consumer", .tags(.stress), .timeLimit(.minutes(5)))
struct SlowConsumerTests {
    @Test("F14: calls that expired in the queue are not run; a kill and an exit do not wait for 20,000 messages")
    func slow() async { expectNoViolation(await SlowConsumer.run(calls: 500, queued: 20_000)) }
}
