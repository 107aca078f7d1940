// SPDX-License-Identifier: Apache-2.0
// A process that does what it is told, inside itself: for what only the current process can do.

import Testing

@testable import Martlet

/// Runs closures as its own code, one after the other.
struct Subscriber: Sendable {
    typealias Act = @Sendable () -> Void
    let ref: ProcessRef<Act>
    var pid: Pid { ref.pid }

    init() {
        ref = spawn { (mailbox: inout Mailbox<Act>) in
            while true { try await mailbox.receive()() }
        }
    }

    /// Runs `body` in the process and waits for its result.
    func run<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            ref.send { continuation.resume(returning: body()) }
        }
    }

    /// Ends it and waits for its end.
    func kill() async {
        pid.kill()
        _ = try? await pid.waitForExit()
    }
}

extension Subscriber {
    /// Registers the process; what went wrong.
    func register<Key, Value>(
        _ registry: Registry<Key, Value>, _ key: Key, _ value: Value
    ) async -> RegistryError? {
        await run {
            do throws(RegistryError) {
                try registry.register(key, value)
                return nil
            } catch { return error }
        }
    }
}

extension RegistryError? {
    /// Who has the key.
    var holder: Pid? {
        if case .alreadyRegistered(let pid) = self { pid } else { nil }
    }
    var isNotStarted: Bool {
        if case .notStarted = self { true } else { false }
    }
}

extension RegistryPlaces {
    /// Stops it in order, as its supervisor does.
    func stop() async throws { try await ServerName<RegistryServer<Key, Value>>(self).stop() }
}
