// SPDX-License-Identifier: Apache-2.0
// Registry keys as server names.

extension ServerName where S: ~Copyable {
    /// The server registered under `key` (`{:via, Registry, {name, key}}`).
    ///
    /// A server that is started with it has the key before its `init` runs; a second one fails with `alreadyStarted`. All
    /// that a name can do it can: `ServerName.via(contracts, "c-1").call { … }`. When the registry is not started, a start
    /// fails with `StartError.failed(RegistryError.notStarted)` and a call with `noProcess`.
    ///
    /// Traps if the registry is not unique.
    ///
    /// - Parameters:
    ///   - registry: a unique registry.
    ///   - key: the key.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the name.
    public static func via<Key>(
        _ registry: Registry<Key, Void>, _ key: Key, file: StaticString = #fileID, line: UInt = #line
    ) -> ServerName { via(registry, key, value: (), file: file, line: line) }

    /// The server registered under `key`, with the value to register at start (`{:via, Registry, {name, key, value}}`).
    ///
    /// Each incarnation registers the same value; it may change it with ``Registry/update(_:file:line:_:)``.
    ///
    /// Traps if the registry is not unique.
    ///
    /// - Parameters:
    ///   - registry: a unique registry.
    ///   - key: the key.
    ///   - value: what each start registers.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the name.
    public static func via<Key, Value>(
        _ registry: Registry<Key, Value>, _ key: Key, value: Value, file: StaticString = #fileID, line: UInt = #line
    ) -> ServerName {
        precondition(
            registry.places.isUnique,
            "expected a unique registry, got \(registry.places.description) with duplicate keys",
            file: file, line: line)
        return ServerName(RegistryKey(registry: registry, key: key, value: value))
    }
}

/// One key of a registry, as a name.
private struct RegistryKey<Key: Hashable & Sendable, Value: Sendable>: NameResolver {
    let registry: Registry<Key, Value>
    let key: Key
    let value: Value

    var description: String { "\(registry.places.description)[\(key)]" }

    func register(_ pid: Pid) throws -> Pid? {
        do throws(RegistryError) {
            try registry.places.table().register(key, value, of: pid)
            return nil
        } catch {
            if case .alreadyRegistered(let holder) = error { return holder }
            throw error
        }
    }

    func unregister(_ pid: Pid) { _ = registry.places.tables.current?.unregister(key, of: pid) }

    func resolve() -> Pid? { registry.pid(key) }
}
