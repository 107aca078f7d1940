// SPDX-License-Identifier: Apache-2.0
// Why a run on a test runtime failed by itself.

/// A run that could not go on, or left something behind.
public struct TestRuntimeError: Error, Sendable, CustomStringConvertible {
    /// What was wrong.
    public enum Kind: Sendable {
        /// The body waited, and nothing was runnable and no timer armed.
        ///
        /// The body was cancelled to end it.
        case deadlock
        /// It took 100,000,000 steps and did not end.
        case endless
        /// Something was left after everything had been stopped.
        case leftBehind
    }

    /// What was wrong.
    public let kind: Kind
    /// The seed of the run.
    public let seed: UInt64
    /// Who waits for whom, or what is left.
    public let details: [String]

    /// All of it in words.
    public var description: String {
        let what =
            switch kind {
            case .deadlock: "deadlock: nothing can run, and no timer is armed"
            case .endless: "endless: it does not end"
            case .leftBehind: "left behind"
            }
        return (["seed \(seed): \(what)"] + details).joined(separator: "\n  ")
    }
}

/// The first seed that failed, and how to run it again.
public struct SeedFailure: Error, Sendable, CustomStringConvertible {
    /// The seed.
    public let seed: UInt64
    /// How many seeds were fine before it.
    public let passed: Int
    /// What the body threw; nil if it recorded an issue instead (`#expect`).
    public let error: (any Error)?
    /// The command that runs this seed alone.
    public let replay: String

    /// All of it in words.
    public var description: String {
        let what = error.map { "\($0)" } ?? "the issue recorded above"
        return "seed \(seed) failed after \(passed) good ones: \(what)\n  replay: \(replay)"
    }
}
