// SPDX-License-Identifier: Apache-2.0
// A service as a supervised child: it is started again when it fails, which a ServiceGroup does not do.

public import Logging
public import Martlet
public import ServiceLifecycle

extension ChildSpec {
    /// A service as a child: a process that runs it and ends with it.
    ///
    /// When the supervisor says `.shutdown`, the service is told to shut down gracefully, and cancelled when its time is
    /// over. A service that returns ends its process `.normal`, one that throws with that error; what follows is `restart`.
    ///
    /// - Parameters:
    ///   - id: unique in the supervisor.
    ///   - service: makes the service, at each start.
    ///   - restart: when it is started again; by default always.
    ///   - shutdown: how it is stopped; by default it has 30 s for a graceful shutdown.
    ///   - logger: what its group logs to; by default `martlet.service`.
    public init(
        id: ChildID, restart: Restart = .permanent, shutdown: Shutdown = .after(.seconds(30)),
        logger: Logger = Logger(label: "martlet.service"), service: @escaping @Sendable () async throws -> any Service
    ) {
        self.init(id: id, restart: restart, shutdown: shutdown) {
            let group = ServiceGroup(
                configuration: .init(
                    services: [
                        .init(
                            service: try await service(), successTerminationBehavior: .gracefullyShutdownGroup,
                            failureTerminationBehavior: .cancelGroup)
                    ], logger: logger))
            let process = spawnLink(ServiceEnd.self) { mailbox in try await host(group, &mailbox) }
            return process.pid
        }
    }
}

/// How a service ended; from the task that ran it to its process.
private enum ServiceEnd: Sendable {
    case returned
    case threw(any Error)
}

/// The body of the process.
private nonisolated(nonsending) func host(_ group: ServiceGroup, _ mailbox: inout Mailbox<ServiceEnd>) async throws {
    mailbox.trapsExits = true
    let process = mailbox.ref
    let running = Task {
        do {
            try await group.run()
            process.send(.returned)
        } catch { process.send(.threw(error)) }
    }
    // However the body ends: a kill leaves `receiveInfo` by a throw.
    defer { running.cancel() }
    var told: ExitReason?
    while true {
        switch try await mailbox.receiveInfo() {
        case .message(.returned): throw ExitSignal(told ?? .normal)
        case .message(.threw(let error)): throw error
        case .exit(_, .normal): continue
        case .exit(_, let reason):
            told = told ?? reason
            await group.triggerGracefulShutdown()
        case .timeout, .down, .unexpected: continue
        }
    }
}
