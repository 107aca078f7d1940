// SPDX-License-Identifier: Apache-2.0
// Running a test on one seed, or on many.

internal import Martlet
internal import Testing

/// Runs `body` on a deterministic runtime, then stops what still runs and checks that nothing is left.
///
/// The body runs on the runtime too: its tasks, awaits and sleeps are steps like any other. When nothing can run, time
/// jumps to the next timer; when there is none either, the body is cancelled and the test fails with
/// ``TestRuntimeError``. The caller, and so the body, belongs to no actor.
///
/// ```swift
/// @Test func forgetsAfterAMinute() async throws {
///     try await withTestRuntime(seed: 7) { test in
///         let cache = try await Cache.start()
///         cache.cast(.put("a", "1"))
///         await test.clock.advance(by: .seconds(60))
///         #expect(try await cache.call { .get("a", $0) } == nil)
///     }
/// }
/// ```
///
/// - Parameters:
///   - seed: chooses the run; 1 by default.
///   - faults: what goes wrong on purpose; by default nothing.
///   - body: the test.
/// - Returns: what the body returns.
/// - Throws: what the body throws; ``TestRuntimeError`` for a deadlock, or when a process outlives its kill, or messages
///   are lost (F8).
public nonisolated(nonsending) func withTestRuntime<R>(
    seed: UInt64 = 1, faults: FaultPlan = .none, _ body: @escaping (TestRuntime) async throws -> R
) async throws -> R {
    let engine = TestEngine.obtain()
    let result: Result<R, any Error> = await withTaskExecutorPreference(engine.runtime.executor) {
        do { return .success(try await engine.perform(seed: seed, faults: faults, body)) } catch {
            return .failure(error)
        }
    }
    engine.giveBack(isReusable: !(result.error is TestRuntimeError))
    return try result.get()
}

/// Runs `body` once a seed, each in a run of its own, and fails with the first seed that fails.
///
/// A seed fails when the body throws, records an issue (`#expect`), or the run fails by itself as in
/// ``withTestRuntime(seed:faults:_:)``.
///
/// Three environment variables change which seeds run: `MT_SEED=17` runs that seed alone, and is what the failure tells
/// you to use; `MT_SEEDS=100000` runs so many, for the night; `MT_SEEDS_MAX=100` runs at most so many, for a build that
/// is slow, such as one with a sanitizer.
///
/// - Parameters:
///   - seeds: which; a thousand take about a tenth of a second for a body of ten messages.
///   - faults: what goes wrong on purpose; by default nothing.
///   - fileID: where a failure is reported; the caller's by default.
///   - filePath: where a failure is reported; the caller's by default.
///   - line: where a failure is reported; the caller's by default.
///   - body: the test.
/// - Throws: ``SeedFailure``.
public nonisolated(nonsending) func explore(
    seeds: Range<UInt64>, faults: FaultPlan = .none, fileID: StaticString = #fileID,
    filePath: StaticString = #filePath, line: UInt = #line,
    _ body: @escaping (TestRuntime) async throws -> Void
) async throws {
    let engine = TestEngine.obtain()
    let location = SourceLocation(fileID: "\(fileID)", filePath: "\(filePath)", line: Int(line), column: 1)
    let failure: SeedFailure? = await withTaskExecutorPreference(engine.runtime.executor) {
        var passed = 0
        for seed in Replay.seeds(insteadOf: seeds) {
            let (failed, error) = await outcome(at: location) {
                try await engine.perform(seed: seed, faults: faults, body)
            }
            // The test itself was cancelled: that is no fault of the seed.
            if Task.isCancelled { break }
            if failed {
                return SeedFailure(seed: seed, passed: passed, error: error, replay: Replay.command(seed))
            }
            passed += 1
        }
        return nil
    }
    engine.giveBack(isReusable: !(failure?.error is TestRuntimeError))
    if let failure { throw failure }
    try Task.checkCancellation()
}

/// Whether `body` failed, and what it threw if it threw.
private nonisolated(nonsending) func outcome(
    at location: SourceLocation, _ body: () async throws -> Void
) async -> (failed: Bool, error: (any Error)?) {
    let hasIssue = _Locked(false)
    do {
        // No issue is a known one: this only tells that there was one.
        try await withKnownIssue(isIntermittent: true, sourceLocation: location) {
            try await body()
        } matching: { _ in
            hasIssue.withLock { $0 = true }
            return false
        }
    } catch {
        return (true, error)
    }
    return (hasIssue.withLock { $0 }, nil)
}

/// Running some seeds instead of all.
enum Replay {
    /// What the environment says, else those.
    static func seeds(insteadOf seeds: Range<UInt64>) -> Range<UInt64> {
        self.seeds(
            insteadOf: seeds, alone: environmentNumber("MT_SEED"), count: environmentNumber("MT_SEEDS"),
            most: environmentNumber("MT_SEEDS_MAX"))
    }

    static func seeds(
        insteadOf seeds: Range<UInt64>, alone: UInt64?, count: UInt64?, most: UInt64?
    ) -> Range<UInt64> {
        if let alone, alone < .max { return alone..<alone + 1 }
        let own = seeds.upperBound - seeds.lowerBound
        let count = min(count ?? own, most ?? .max)
        let (end, isTooMany) = seeds.lowerBound.addingReportingOverflow(count)
        return seeds.lowerBound..<(isTooMany ? .max : end)
    }

    static func command(_ seed: UInt64) -> String {
        let name = Test.current.map { $0.name.prefix { $0 != "(" } } ?? ""
        let isWord = name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
        let filter = isWord ? "\(name)" : "'\(name.filter { $0 != "`" && $0 != "'" })'"
        return "MT_SEED=\(seed) swift test" + (name.isEmpty ? "" : " --filter \(filter)")
    }
}

extension Result {
    fileprivate var error: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}
