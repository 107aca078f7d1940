// SPDX-License-Identifier: Apache-2.0
// Durable state of one server: events are stored, then applied to a value, then acknowledged. Not a behaviour: a value in an
// AsyncGenServer, which handles nothing else while it waits for the store.

internal import Foundation
internal import Logging

/// A value that is the sum of its events.
///
/// Owned by one `AsyncGenServer` and opened in its `init`: `value` is then what was acknowledged last, and perhaps an event
/// whose acknowledgement got lost on the way. Stored before it counts: reply after `record`, and no kill, crash or
/// power failure loses what was answered.
///
/// Values and events are stored as JSON: a type may gain optional fields and enum cases, and still read what it wrote.
///
/// ```swift
/// init(_ argument: Argument) async throws {
///     journal = try await Journal("counter", in: store, initial: 0) { value, event in
///         switch event { case .incremented: value += 1 }
///     }
/// }
/// ```
///
/// When not to use: for what can be computed again, or is already in a database of its own.
public struct Journal<Value: Codable, Event: Codable & Sendable>: ~Copyable {
    /// The value with all durable events applied.
    public private(set) var value: Value
    /// Events stored so far, of all times.
    public private(set) var sequence: UInt64
    /// Bytes that a torn tail had lost when the journal was opened; 0 for a whole one.
    public let cutBytes: Int

    private let store: any DurableStore
    private let id: JournalID
    private let apply: (inout Value, Event) -> Void
    private let snapshotEvery: Int
    /// Events that no snapshot covers.
    private var uncovered: Int
    /// The store does not know what became of the last events: no more are stored behind them.
    private var isUnknown = false

    /// Recovers the value from a store: the last snapshot, then the events after it.
    ///
    /// Fences whoever had the journal open before. Traps when `snapshotEvery` is not positive.
    ///
    /// - Parameters:
    ///   - name: of the journal in the store.
    ///   - store: where it is kept.
    ///   - initial: the value without any event.
    ///   - snapshotEvery: a snapshot is taken every so many events; by default 1,000. What a start has to read is bounded by it.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    ///   - apply: what an event does. Must do the same each time: it runs again at each start.
    /// - Throws: ``StoreError``: `corrupt` where stored bytes are not of these types, and what the store throws.
    public nonisolated(nonsending) init(
        _ name: String, in store: any DurableStore, initial: Value, snapshotEvery: Int = 1_000,
        file: StaticString = #fileID, line: UInt = #line, apply: @escaping (inout Value, Event) -> Void
    ) async throws(StoreError) {
        precondition(
            snapshotEvery > 0, "expected a snapshot every 1 or more events, got \(snapshotEvery)", file: file,
            line: line)
        let stored = try await store.open(name)
        var value = initial
        if let snapshot = stored.snapshot { value = try Self.decode(snapshot, 0) }
        for (index, bytes) in stored.events.enumerated() {
            apply(&value, try Self.decode(bytes, stored.sequence + UInt64(index) + 1))
        }
        if stored.cutBytes > 0 {
            Logger(label: "martlet.persistence").warning(
                "torn tail of a journal was cut", metadata: ["journal": "\(name)", "bytes": "\(stored.cutBytes)"])
        }
        self.value = value
        self.store = store
        self.apply = apply
        self.snapshotEvery = snapshotEvery
        id = stored.id
        sequence = stored.sequence + UInt64(stored.events.count)
        cutBytes = stored.cutBytes
        uncovered = stored.events.count
    }

    /// Stores an event, then applies it.
    ///
    /// On a throw nothing has changed, here or in the store; but for `unknown`.
    ///
    /// - Parameter event: what happened.
    /// - Throws: ``StoreError``: `fenced` when the journal was opened elsewhere since: end, and let the other one serve.
    ///   `unknown` when it cannot be said whether the event is stored, and from then on: end, and start again; `init` reads
    ///   what is true.
    public nonisolated(nonsending) mutating func record(_ event: Event) async throws(StoreError) {
        try await record([event])
    }

    /// Stores events together, all or none, then applies them in order.
    ///
    /// - Parameter events: what happened.
    /// - Throws: ``StoreError`` as for one event; then none of them is stored.
    public nonisolated(nonsending) mutating func record(_ events: [Event]) async throws(StoreError) {
        if events.isEmpty { return }
        if isUnknown { throw .unknown }
        var bodies: [[UInt8]] = []
        for event in events { bodies.append(try Self.encode(event)) }
        do {
            try await store.append(bodies, to: id, after: sequence)
        } catch {
            if case .unknown = error { isUnknown = true }
            throw error
        }
        sequence += UInt64(events.count)
        uncovered += events.count
        for event in events { apply(&value, event) }
        if uncovered >= snapshotEvery { await takeSnapshot() }
    }

    /// A snapshot that fails is tried again after the next event: the events are still there.
    private nonisolated(nonsending) mutating func takeSnapshot() async {
        do throws(StoreError) {
            try await store.saveSnapshot(try Self.encode(value), of: id, at: sequence)
            uncovered = 0
        } catch {
            Logger(label: "martlet.persistence").warning(
                "snapshot failed", metadata: ["journal": "\(id.name)", "reason": "\(error)"])
        }
    }

    /// In an array: JSON of old had no bare values.
    private static func encode<T: Encodable>(_ value: T) throws(StoreError) -> [UInt8] {
        do { return Array(try JSONEncoder().encode([value])) } catch { throw .notEncodable(error) }
    }

    private static func decode<T: Decodable>(_ bytes: [UInt8], _ sequence: UInt64) throws(StoreError) -> T {
        guard let values = try? JSONDecoder().decode([T].self, from: Data(bytes)), let value = values.first else {
            throw .corrupt(sequence: sequence)
        }
        return value
    }
}
