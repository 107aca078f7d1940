// SPDX-License-Identifier: Apache-2.0
// The arithmetic of rounds and samples.

import MartletBenchCore
import Testing

@Suite("Statistics of rounds and samples")
struct StatisticsTests {
    @Test("the median is the middle value, or the mean of the two middle ones, and none of nothing")
    func median() {
        #expect(Statistics.median([]) == nil)
        #expect(Statistics.median([3]) == 3)
        #expect(Statistics.median([9, 1, 5]) == 5)
        #expect(Statistics.median([4, 1, 3, 2]) == 2.5)
    }

    @Test("the spread is half the range by the median, and unknown for a single round")
    func spread() {
        #expect(Statistics.spread([10]) == nil)
        #expect(Statistics.spread([8, 10, 12]) == 0.2)
    }

    @Test("percentiles are exact to three digits; a sample beyond the range counts as the greatest")
    func percentiles() throws {
        #expect(Percentiles([]) == nil)
        let percentiles = try #require(Percentiles((1...1000).map { UInt64($0) * 1000 }))
        #expect((499_000...501_000).contains(percentiles.p50))
        #expect((989_000...991_000).contains(percentiles.p99))
        #expect((998_000...1_001_000).contains(percentiles.p999))
        #expect(Percentiles([.max]) != nil)
    }

    @Test("calibration grows until a run is a quarter of the target, then extrapolates in whole units")
    func calibration() {
        var calibration = Calibration(unit: 8, target: .milliseconds(100))
        // 80 operations in 80 us: 1250 times too short.
        #expect(calibration.next(operations: 80, nanoseconds: 80_000) == .run(1600))
        #expect(calibration.next(operations: 1600, nanoseconds: 1_600_000) == .run(32_000))
        #expect(calibration.next(operations: 32_000, nanoseconds: 32_000_000) == .settled(100_000))
    }

    @Test("calibration never asks for less than one unit, and settles for a clock that stands still")
    func calibrationBounds() {
        var slow = Calibration(unit: 1000, target: .milliseconds(1))
        #expect(slow.next(operations: 1000, nanoseconds: 5_000_000_000) == .settled(1000))
        var still = Calibration(unit: 1, target: .milliseconds(1))
        var operations = 1
        for _ in 0..<100 {
            switch still.next(operations: operations, nanoseconds: 0) {
            case .run(let more): operations = more
            case .settled(let count):
                #expect(count <= 20_000_000)
                return
            }
        }
        Issue.record("calibration does not end")
    }

    @Test("the sampler times every k-th operation and no other")
    func sampler() {
        var sampler = LatencySampler(interval: 10, expectedOperations: 1000)
        var timed = 0
        for _ in 0..<1000 {
            let started = sampler.begin()
            if started != 0 { timed += 1 }
            sampler.end(started)
        }
        #expect(timed == 100)
        #expect(sampler.samples.count == 100)
    }

    @Test("laps are timed from one to the next")
    func laps() {
        var sampler = LatencySampler(interval: 1, expectedOperations: 10)
        for _ in 0..<10 { sampler.lap() }
        #expect(sampler.samples.count == 9)
    }
}

@Suite("The queue of the hand-written mailboxes")
struct FIFOTests {
    @Test("elements come out in the order in which they went in, through growth and wrap-around")
    func order() {
        var queue = FIFO<Int>()
        var next = 0
        var expected = 0
        for step in 1...200 {
            for _ in 0..<(step % 7) {
                queue.append(next)
                next += 1
            }
            for _ in 0..<(step % 5) where !queue.isEmpty {
                #expect(queue.popFirst() == expected)
                expected += 1
            }
            #expect(queue.count == next - expected)
        }
        while let element = queue.popFirst() {
            #expect(element == expected)
            expected += 1
        }
        #expect(expected == next)
        #expect(queue.isEmpty)
    }
}
