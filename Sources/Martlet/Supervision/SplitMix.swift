// SPDX-License-Identifier: Apache-2.0
// Random numbers for the jitter of restarts, seeded by the runtime's clock, so that a deterministic run repeats itself; and
// for the generator of the test kit.

/// SplitMix64: not for secrets.
package struct SplitMix: Sendable {
    private var state: UInt64

    package init(state: UInt64) { self.state = state }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// The next number, 0..<1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
