// SPDX-License-Identifier: Apache-2.0
// Publish and subscribe.

extension Registry {
    /// Hands each entry of a key to `body`, in the caller, or in parallel one process a worker (`Registry.dispatch/4`).
    ///
    /// The entries are those of one moment; who ends meanwhile is handed over all the same. In parallel, `body` runs as
    /// code of processes that this call starts and waits for.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - parallel: whether to share the entries out; pays from some hundred microseconds of work. Default false.
    ///   - body: called once an entry, the oldest first unless parallel. The registry is not locked meanwhile.
    /// - Complexity: O(entries of the key).
    @inlinable
    public func dispatch(_ key: Key, parallel: Bool = false, _ body: @Sendable (Entry) -> Void) {
        let entries = entries(key)
        if parallel, entries.count > 1 { Self.share(entries, body) } else { entries.forEach(body) }
    }

    /// Hands entries to `body` in as many processes as there are workers, the current code being one of them.
    @usableFromInline
    static func share(_ entries: [Entry], _ body: @Sendable (Entry) -> Void) {
        withoutActuallyEscaping(body) { body in
            let shares = RegistryShares(entries, among: Runtime.current.workers, body)
            for _ in 1..<shares.count {
                _ = RawProcess.launch(_SpawnRequest()) { (_: inout Mailbox<Never>) in shares.work() }
            }
            shares.work()
            shares.close()
        }
    }

    /// Entries coming and going from now on, in the current runtime (listeners of Elixir's Registry).
    ///
    /// In the order of each process; what two processes do at the same time comes in either. A unique key that passes to a
    /// successor may be told as registered before it is told as unregistered by the one that ended.
    ///
    /// - Parameter buffer: how many to keep for a slow reader, newest dropped; 1,024 by default.
    /// - Returns: the stream; it ends with its reader, or when the registry is stopped, at once if it is not started.
    public func events(buffer: Int = 1_024) -> AsyncStream<RegistryEvent<Key, Value>> {
        let table = places.tables.current
        return AsyncStream(bufferingPolicy: .bufferingOldest(max(1, buffer))) { continuation in
            guard let table else { return continuation.finish() }
            let id = table.listeners.add { event in
                if let event { continuation.yield(event) } else { continuation.finish() }
            }
            continuation.onTermination = { [listeners = table.listeners] _ in listeners.remove(id) }
            // Stopped meanwhile, it may have told its end before there was a listener.
            if places.tables.current !== table { continuation.finish() }
        }
    }

    /// Sends to every subscriber of a key, the oldest first: the values are where to send to.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - message: what to send.
    /// - Returns: how many were sent it; not counted are those whose mailbox is full, or who ended meanwhile.
    /// - Complexity: O(entries of the key), a send each.
    @discardableResult
    @inlinable
    public func publish<Message: Sendable>(_ key: Key, _ message: Message) -> Int where Value == ProcessRef<Message> {
        var subscribers: [ProcessRef<Message>] = []
        _ = places.read { table in table.entries.forEach(key) { subscribers.append($1) } }
        return subscribers.count { $0.send(message).isInMailbox }
    }
}

/// What listeners hear.
public enum RegistryEvent<Key: Sendable, Value: Sendable>: Sendable {
    /// An entry was made.
    case registered(Key, Pid, Value)
    /// An entry went away.
    case unregistered(Key, Pid)
}
