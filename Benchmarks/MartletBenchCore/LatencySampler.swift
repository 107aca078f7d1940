// SPDX-License-Identifier: Apache-2.0
// Times every k-th operation of one client.
//
// Reading the clock costs about 36 ns on the machine this was written for, as much as a cheap operation. Timing every
// operation would measure the clock. With k = 61 the two reads add about 1.2 ns to the mean; a timed operation contains
// one read in full, so percentiles of very short operations are high by about 30 ns. k is prime, so that it does not
// fall into step with batches and rings of a power of two. A client times its first operation at a random place within
// the interval, so that a thousand clients with few operations each do not all sample their start.
//
// `begin` and `end` are never inlined, on purpose: to the optimiser they are calls that may depend on where they run.
// In a plain loop around `await actor.method()` it removes the hop back from the actor, and the figure lies (see
// HopCheck).

import Dispatch

/// Nanoseconds on the monotonic clock.
package enum MonotonicClock {
    @inline(__always)
    package static func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }
}

/// Times every k-th operation.
///
/// Owned by one client; not shared.
package struct LatencySampler: Sendable {
    package static let defaultInterval = 61
    /// Samples kept by one owner: bounds memory and the size of a child's answer.
    static let samplesMax = 1 << 16

    /// The latencies so far, in nanoseconds.
    package private(set) var samples: [UInt64] = []
    private let interval: Int
    private var countdown: Int
    /// The last `lap`, when the next one ends a timed interval.
    private var lapStart: UInt64 = 0

    package init(interval: Int, expectedOperations: Int) {
        self.interval = max(interval, 1)
        countdown = Int.random(in: 1...max(min(interval, expectedOperations), 1))
        samples.reserveCapacity(min(expectedOperations / self.interval + 1, LatencySampler.samplesMax))
    }

    /// Before an operation: the clock if this one is timed, 0 if not.
    @inline(never)
    package mutating func begin() -> UInt64 {
        countdown -= 1
        if countdown > 0 { return 0 }
        countdown = interval
        return MonotonicClock.now()
    }

    /// After an operation, with what `begin` gave.
    @inline(never)
    package mutating func end(_ started: UInt64) {
        if started != 0 { keep(MonotonicClock.now() &- started) }
    }

    /// At one place of a cycle: times every k-th way round, from one `lap` to the next.
    package mutating func lap() {
        if lapStart != 0 {
            keep(MonotonicClock.now() &- lapStart)
            lapStart = 0
        }
        lapStart = begin()
    }

    private mutating func keep(_ sample: UInt64) {
        if samples.count < LatencySampler.samplesMax { samples.append(sample) }
    }
}
