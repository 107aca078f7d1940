// SPDX-License-Identifier: Apache-2.0
// From Duration to nanoseconds: exact where it fits, rounded up, never a trap.

import Testing

@testable import Martlet

@Suite("Duration to nanoseconds")
struct DurationNanosecondsTests {
    static let attosecond = Duration(secondsComponent: 0, attosecondsComponent: 1)
    static let longest = Duration(attoseconds: .max)
    static let mostNegative = Duration(attoseconds: .min)

    @Test(
        "whole nanoseconds convert exactly, on both sides of the 64-bit border at 18.4 s",
        arguments: [
            (Duration.zero, 0), (.nanoseconds(1), 1), (.milliseconds(5), 5_000_000), (.seconds(18), 18_000_000_000),
            (.seconds(19), 19_000_000_000), (.seconds(86_400), 86_400_000_000_000), (.nanoseconds(Int64.max), .max),
        ] as [(Duration, Int64)])
    func exact(duration: Duration, nanoseconds: Int64) {
        #expect(duration._nanoseconds == nanoseconds)
        #expect(duration._unsignedNanoseconds == UInt64(nanoseconds))
    }

    @Test("a fraction of a nanosecond is rounded up, so that no timer is early")
    func roundsUp() {
        for whole in [Duration.zero, .nanoseconds(41), .seconds(18), .seconds(19), .seconds(1 << 32)] {
            #expect((whole + Self.attosecond)._nanoseconds == whole._nanoseconds + 1)
            #expect((whole + Self.attosecond)._unsignedNanoseconds == whole._unsignedNanoseconds + 1)
            #expect((whole + .nanoseconds(1) - Self.attosecond)._nanoseconds == whole._nanoseconds + 1)
        }
    }

    @Test("a negative duration keeps its sign, rounds towards zero, and is zero for the core")
    func negative() {
        #expect(Duration.nanoseconds(-7)._nanoseconds == -7)
        #expect(Duration.seconds(-100)._nanoseconds == -100_000_000_000)
        #expect((Duration.zero - Self.attosecond)._nanoseconds == 0)
        #expect((Duration.nanoseconds(-7) - Self.attosecond)._nanoseconds == -7)
        for duration in [Duration.zero - Self.attosecond, .nanoseconds(-1), .seconds(-100), Self.mostNegative] {
            #expect(duration._unsignedNanoseconds == 0)
        }
    }

    @Test("what does not fit becomes the longest there is")
    func saturates() {
        for duration in [Self.longest, .seconds(Int64.max), .nanoseconds(Int64.max) + Self.attosecond] {
            #expect(duration._nanoseconds == .max)
        }
        for duration in [Self.mostNegative, .seconds(Int64.min), .nanoseconds(Int64.min)] {
            #expect(duration._nanoseconds == .min)
        }
        #expect(Duration.nanoseconds(Int64.min + 1)._nanoseconds == .min + 1)
        #expect(Self.longest._unsignedNanoseconds == .max)
        #expect(Duration.nanoseconds(UInt64.max)._unsignedNanoseconds == .max)
        #expect((Duration.nanoseconds(UInt64.max) + Self.attosecond)._unsignedNanoseconds == .max)
        #expect(Duration.nanoseconds(UInt64.max - 1)._unsignedNanoseconds == UInt64.max - 1)
    }

    @Test("it agrees with 128-bit arithmetic for random lengths of every magnitude")
    func agreesWithWideArithmetic() {
        var generator = SplitMix64(state: 0x9E37_79B9_7F4A_7C15)
        for step in 0..<2_000 {
            let random = Int128(Int64(bitPattern: generator.next())) << 64 | Int128(generator.next())
            let attoseconds = random >> Int128(step % 128)
            let (quotient, remainder) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            let expected = remainder > 0 ? quotient + 1 : quotient
            let duration = Duration(attoseconds: attoseconds)
            #expect(duration._nanoseconds == Int64(clamping: expected))
            #expect(duration._unsignedNanoseconds == UInt64(clamping: expected))
        }
    }
}

/// A fixed sequence of random numbers, so that a failure comes again.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
