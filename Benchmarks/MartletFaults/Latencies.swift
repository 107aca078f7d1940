// SPDX-License-Identifier: Apache-2.0
// Latencies of one scenario, kept one by one: a scenario has at most some million.

import Dispatch

/// Nanoseconds on the monotonic clock.
@inline(__always)
func monotonicNow() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

/// A sample of latencies.
public struct Latencies: Sendable {
    private var all: [UInt64] = []

    /// None yet.
    public init() {}

    /// One more, in nanoseconds.
    public mutating func add(_ nanoseconds: UInt64) { all.append(nanoseconds) }

    /// Those of another sample.
    public mutating func add(_ other: Latencies) { all += other.all }

    /// How many.
    public var count: Int { all.count }

    /// Milliseconds that the given share of them does not exceed; 0 for an empty sample.
    public func milliseconds(_ share: Double) -> Double {
        let sorted = all.sorted()
        guard let last = sorted.indices.last else { return 0 }
        return Double(sorted[min(last, Int(share * Double(sorted.count)))]) / 1e6
    }
}

extension FaultReport {
    /// Notes p50, p99 and the maximum.
    public mutating func measure(_ name: String, _ latencies: Latencies) {
        measure("\(name)_count", latencies.count)
        measure("\(name)_p50_ms", latencies.milliseconds(0.5))
        measure("\(name)_p99_ms", latencies.milliseconds(0.99))
        measure("\(name)_max_ms", latencies.milliseconds(1))
    }
}

/// Times `body`.
func timed<R>(_ body: () async throws -> R) async rethrows -> (result: R, seconds: Double) {
    let start = monotonicNow()
    let result = try await body()
    return (result, Double(monotonicNow() - start) / 1e9)
}
