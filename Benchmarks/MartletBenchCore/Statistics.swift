// SPDX-License-Identifier: Apache-2.0
// The median of rounds, the percentiles of samples, and how many operations fill a round.

import Histogram

package enum Statistics {
    /// The middle value; the mean of the two middle ones when there are two.
    ///
    /// Nil of nothing.
    package static func median(_ values: [Double]) -> Double? {
        if values.isEmpty { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// Half the distance from the least to the greatest, as a share of the median: the spread shown beside a figure.
    ///
    /// Nil where one value says nothing of it.
    package static func spread(_ values: [Double]) -> Double? {
        guard values.count > 1, let median = median(values), median > 0, let low = values.min(), let high = values.max()
        else { return nil }
        return (high - low) / 2 / median
    }
}

/// The percentiles that are reported, in nanoseconds.
package struct Percentiles: Equatable, Sendable {
    package let p50: UInt64
    package let p99: UInt64
    package let p999: UInt64

    /// Longer than any run; a greater sample counts as this.
    private static let highest: UInt64 = 600_000_000_000

    /// Nil when nothing was sampled.
    ///
    /// Three significant digits.
    package init?(_ samples: [UInt64]) {
        if samples.isEmpty { return nil }
        var histogram = Histogram<UInt64>(
            highestTrackableValue: Percentiles.highest, numberOfSignificantValueDigits: .three)
        for sample in samples { histogram.record(min(sample, Percentiles.highest)) }
        p50 = histogram.valueAtPercentile(50)
        p99 = histogram.valueAtPercentile(99)
        p999 = histogram.valueAtPercentile(99.9)
    }
}

/// Chooses how many operations fill a round: runs of growing length until one is long enough to extrapolate from.
package struct Calibration: Sendable {
    package enum Step: Equatable {
        /// Run this many and report the time.
        case run(Int)
        /// Enough: a round takes this many.
        case settled(Int)
    }

    /// Growth between two runs; keeps an unlucky first figure from asking for hours.
    static let growthMax = 20.0
    /// Runs before it settles for what it has.
    static let runsMax = 6
    /// Operations of a round, whatever the clock says: bounds the memory of queued casts.
    static let operationsMax = 20_000_000

    private let unit: Int
    private let target: Double
    private var runs = 0

    /// `unit`: counts are multiples of it.
    ///
    /// `target`: how long a round should take.
    package init(unit: Int, target: Duration) {
        self.unit = max(unit, 1)
        self.target = target / .nanoseconds(1)
    }

    /// After a run of `operations` that took `nanoseconds`.
    package mutating func next(operations: Int, nanoseconds: UInt64) -> Step {
        runs += 1
        let elapsed = max(Double(nanoseconds), 1)
        let growth = target / elapsed
        // A run of a quarter of the target predicts the rest well; a shorter one mostly measures its own start.
        if growth <= 4 || runs >= Calibration.runsMax {
            return .settled(rounded(Double(operations) * min(growth, Calibration.growthMax)))
        }
        return .run(rounded(Double(operations) * min(growth / 2, Calibration.growthMax)))
    }

    private func rounded(_ operations: Double) -> Int {
        let units = Int(min(operations, Double(Calibration.operationsMax))) / unit
        return max(units, 1) * unit
    }
}
