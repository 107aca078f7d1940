// SPDX-License-Identifier: Apache-2.0
// F1 at a small size; at full size: martlet-soak crash-loop.

import MartletFaults
import Testing

@Suite("F1: crash loop", .tags(.stress), .timeLimit(.minutes(5)))
struct CrashLoopTests {
    @Test("F1: each of 4,000 crashes ends one server and is told to its caller and its watcher once")
    func crashes() async { expectNoViolation(await CrashLoop.run(count: 4_000)) }
}
