// SPDX-License-Identifier: Apache-2.0
// A store that forgets with the process: for tests. It fails on demand, as a full disk or a busy database does.

internal import Martlet

/// Journals in memory; for tests.
///
/// When not to use: where anything is to survive the program.
public final class MemoryStore: DurableStore {
    private struct Kept {
        var epoch: UInt64 = 0
        var snapshot: [UInt8]?
        var covered: UInt64 = 0
        var events: [[UInt8]] = []
    }

    private struct State {
        var journals: [String: Kept] = [:]
        /// The greatest epoch of a journal that is there no more: one that is made again begins behind it.
        var deleted: UInt64 = 0
        var failure: StoreError?
    }

    private let state = _Locked(State())

    /// An empty store.
    public init() {}

    /// Fails everything from now on; nil: nothing any more.
    ///
    /// - Parameter error: what to fail with.
    public func fail(with error: StoreError?) { state.withLock { $0.failure = error } }

    /// Opens a journal, and fences who had it open.
    ///
    /// - Parameter name: any string; a journal that is not there yet is made.
    /// - Returns: what is stored, and this opening.
    /// - Throws: ``StoreError``: `fenced`, or what ``fail(with:)`` said.
    public func open(_ name: String) async throws(StoreError) -> StoredJournal {
        try change { state throws(StoreError) in
            var kept = state.journals[name] ?? Kept(epoch: state.deleted)
            kept.epoch += 1
            state.journals[name] = kept
            return StoredJournal(
                id: JournalID(name: name, epoch: kept.epoch), snapshot: kept.snapshot, sequence: kept.covered,
                events: kept.events)
        }
    }

    /// Keeps events.
    ///
    /// - Parameters:
    ///   - events: in order; all of them are stored, or none.
    ///   - journal: the opening they belong to.
    ///   - sequence: the number of events stored before them.
    /// - Throws: ``StoreError``: `fenced`, or what ``fail(with:)`` said; then nothing was stored.
    public func append(_ events: [[UInt8]], to journal: JournalID, after sequence: UInt64) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard var kept = state.journals[journal.name], kept.epoch == journal.epoch else { throw .fenced }
            guard kept.covered + UInt64(kept.events.count) == sequence else { throw .corrupt(sequence: sequence) }
            kept.events += events
            state.journals[journal.name] = kept
        }
    }

    /// Keeps a snapshot in place of the events that it covers.
    ///
    /// - Parameters:
    ///   - snapshot: the value with `sequence` events applied.
    ///   - journal: the opening it belongs to.
    ///   - sequence: the events it covers.
    /// - Throws: ``StoreError``: `fenced`, or what ``fail(with:)`` said; then all is as before.
    public func saveSnapshot(
        _ snapshot: [UInt8], of journal: JournalID, at sequence: UInt64
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard var kept = state.journals[journal.name], kept.epoch == journal.epoch else { throw .fenced }
            guard (kept.covered...kept.covered + UInt64(kept.events.count)).contains(sequence) else {
                throw .corrupt(sequence: sequence)
            }
            kept.events.removeFirst(Int(sequence - kept.covered))
            kept.snapshot = snapshot
            kept.covered = sequence
            state.journals[journal.name] = kept
        }
    }

    /// Forgets a journal.
    ///
    /// - Parameter name: one that is not there is no error.
    /// - Throws: ``StoreError``: `fenced`, or what ``fail(with:)`` said.
    public func delete(_ name: String) async throws(StoreError) {
        try change { state throws(StoreError) in
            if let kept = state.journals.removeValue(forKey: name) { state.deleted = max(state.deleted, kept.epoch) }
        }
    }

    private func change<R>(_ body: (inout State) throws(StoreError) -> R) throws(StoreError) -> R {
        let result = state.withLock { state -> Result<R, StoreError> in
            if let failure = state.failure { return .failure(failure) }
            return Result { () throws(StoreError) in try body(&state) }
        }
        return try result.get()
    }
}
