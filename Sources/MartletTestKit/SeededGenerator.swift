// SPDX-License-Identifier: Apache-2.0
// Random numbers that a seed repeats.

internal import Martlet

/// A generator of random numbers that begins with a seed (SplitMix64).
///
/// For data of a test that must be the same in each replay. Not for secrets.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var mix: SplitMix

    /// The sequence of a seed.
    ///
    /// - Parameter seed: any number.
    public init(seed: UInt64) { mix = SplitMix(state: seed) }

    /// The next 64 bits.
    public mutating func next() -> UInt64 { mix.next() }
}
