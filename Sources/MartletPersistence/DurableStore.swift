// SPDX-License-Identifier: Apache-2.0
// Where journals are kept: the seam between Martlet and a database.

/// Keeps journals by name.
///
/// There is one writer a name at a time: `open` fences the one before, whose appends then fail. A store is shared by any
/// number of servers, which call it from any task.
///
/// OTP has no counterpart; `mnesia` keeps tables, not journals.
///
/// When not to use: to read and write what a database has already. A server may do that in its handlers.
public protocol DurableStore: Sendable {
    /// The last snapshot and all events after it; a torn tail is cut and reported.
    ///
    /// - Parameter name: any string; a journal that is not there yet is made.
    /// - Returns: what is stored, and this opening, which fences every earlier one.
    /// - Throws: ``StoreError``: `corrupt`, `busy`, `full`, `unreachable`, `failed`.
    func open(_ name: String) async throws(StoreError) -> StoredJournal

    /// Makes events durable, all or none, before it returns.
    ///
    /// A store may make those of many journals durable together.
    ///
    /// - Parameters:
    ///   - events: in order.
    ///   - journal: the opening they belong to.
    ///   - sequence: the number of events stored before them; `corrupt` where it is another.
    /// - Throws: ``StoreError``; then nothing was stored. Or `unknown`: `open` tells.
    func append(_ events: [[UInt8]], to journal: JournalID, after sequence: UInt64) async throws(StoreError)

    /// Replaces the snapshot and drops the events it covers.
    ///
    /// - Parameters:
    ///   - snapshot: the value with `sequence` events applied.
    ///   - journal: the opening it belongs to.
    ///   - sequence: the events it covers: no fewer than the last one, no more than are stored; else `corrupt`.
    /// - Throws: ``StoreError``; then the snapshot and the events before are still there. Or `unknown`.
    func saveSnapshot(_ snapshot: [UInt8], of journal: JournalID, at sequence: UInt64) async throws(StoreError)

    /// Forgets a journal; who has it open is fenced.
    ///
    /// - Parameter name: one that is not there is no error.
    /// - Throws: ``StoreError``.
    func delete(_ name: String) async throws(StoreError)
}

/// One opening of a journal; a later opening fences it.
public struct JournalID: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// Grows with each opening.
    public let epoch: UInt64

    /// What a store hands out.
    ///
    /// - Parameters:
    ///   - name: of the journal.
    ///   - epoch: greater than that of each opening before.
    public init(name: String, epoch: UInt64) {
        self.name = name
        self.epoch = epoch
    }
}

/// What `open` found.
public struct StoredJournal: Sendable {
    /// This opening.
    public var id: JournalID
    /// The last snapshot.
    public var snapshot: [UInt8]?
    /// Events before the first of `events`: what the snapshot covers.
    public var sequence: UInt64
    /// Events after the snapshot, oldest first.
    public var events: [[UInt8]]
    /// Bytes cut from a torn tail; 0 for a whole one.
    public var cutBytes: Int

    /// What a store hands out.
    ///
    /// - Parameters:
    ///   - id: this opening.
    ///   - snapshot: the last one; nil if there is none.
    ///   - sequence: how many events the snapshot covers.
    ///   - events: those after it, oldest first.
    ///   - cutBytes: bytes cut from a torn tail; by default 0.
    public init(id: JournalID, snapshot: [UInt8]?, sequence: UInt64, events: [[UInt8]], cutBytes: Int = 0) {
        self.id = id
        self.snapshot = snapshot
        self.sequence = sequence
        self.events = events
        self.cutBytes = cutBytes
    }
}
