// SPDX-License-Identifier: Apache-2.0
// A table from keys to processes, kept right by their deaths. Not for state: values are small and belong to their
// process.

/// Processes by key: a constant that you start, usually supervised, before its users (S23).
///
/// A process registers itself under keys, with a small value each; anyone looks keys up. An entry is there until its
/// process unregisters it or ends: the entry of a process that has ended is never seen, and never in the way of a new one
/// (R20). Looking up takes no lock, and waits for nobody who registers.
///
/// ```swift
/// let contracts = Registry<String, Void>("contracts")
///
/// try await contracts.start()                                          // or `contracts.child` in a supervisor
/// let name = Contract.Name.via(contracts, "c-1")
/// _ = try await Contract.start(terms, name: name)                      // a second start throws alreadyStarted
/// try await name.call { .approve($0) }
/// ```
///
/// Each runtime that starts it has a table of its own, as with names: the same constant serves tests that run side by
/// side, each in its runtime. Its process only cleans up. When that is killed, entries stay and everything goes on; the
/// next one, which a supervisor starts, cleans up what was missed. When it is stopped, all entries go.
///
/// When not to use: for a few servers that the program names itself, use a name; for state that many read, a value in an
/// actor or a mutex is simpler. Keys are compared by `==` while others may register: it must end by itself, and neither
/// block nor wait.
///
/// OTP: Elixir's `Registry`.
public final class Registry<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// How many processes may have a key.
    public enum Keys: Sendable {
        /// One. Needed for `.via`.
        case unique
        /// Any number; also the same process twice.
        case duplicate
    }

    /// One entry.
    public struct Entry: Sendable {
        /// The owner.
        public let pid: Pid
        /// Its value.
        public let value: Value

        @inlinable
        init(pid: Pid, value: Value) {
            self.pid = pid
            self.value = value
        }
    }

    @usableFromInline let places: RegistryPlaces<Key, Value>
    let locks = _KeyLocks()

    /// A registry; does nothing until started.
    ///
    /// Traps when `partitions` is out of range.
    ///
    /// - Parameters:
    ///   - name: what tools call it, and the id of its child spec.
    ///   - keys: how many processes may have a key; by default one.
    ///   - partitions: who registers waits for others of the same partition only; rounded up to a power of two,
    ///     1...4,096. By default one a worker.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    public init(
        _ name: String, _ keys: Keys = .unique, partitions: Int? = nil, file: StaticString = #fileID,
        line: UInt = #line
    ) {
        places = RegistryPlaces(name, isUnique: keys == .unique, partitions: partitions, file, line)
    }

    /// The registry as a supervised child; put it before its users (S23).
    public var child: ChildSpec { places.child }

    /// Starts it unsupervised, in the current runtime.
    ///
    /// - Throws: ``StartError``: `alreadyStarted` if it runs in this runtime.
    public nonisolated(nonsending) func start() async throws(StartError) { try await places.start() }

    /// How many entries there are; 0 when it is not started.
    ///
    /// Those of processes that ended a moment ago may be among them.
    ///
    /// - Complexity: O(partitions), each under its lock.
    public var count: Int { places.tables.current?.entries.count ?? 0 }
}
