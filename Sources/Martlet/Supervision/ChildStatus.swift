// SPDX-License-Identifier: Apache-2.0
// What a supervisor says of its children.

/// One child as its supervisor sees it (`supervisor:which_children/1`).
public struct ChildStatus: Sendable {
    /// Where a child stands.
    public enum State: Sendable, Equatable {
        /// Runs as that process.
        case running(Pid)
        /// Is being started, or waits for its backoff or its turn.
        case restarting
        /// Was stopped, ended for good, or chose not to start.
        case stopped
    }

    /// Its id.
    public let id: ChildID
    /// Where it stands.
    public let state: State
    /// Whether it is a supervisor.
    public let isSupervisor: Bool
    /// Restarts since it was added.
    public let restarts: Int
}

/// How many children a supervisor has (`supervisor:count_children/1`).
public struct ChildCounts: Sendable, Hashable {
    /// All, running or not.
    public internal(set) var specs = 0
    /// Those that run.
    public internal(set) var active = 0
    /// Those that are being started again.
    public internal(set) var restarting = 0
    /// Those that are supervisors, running or not.
    public internal(set) var supervisors = 0
    /// Those that are not.
    public var workers: Int { specs - supervisors }
}

extension ChildTable {
    /// All children, in start book.order.
    var statuses: [ChildStatus] {
        book.ordered.map {
            ChildStatus(
                id: $0.spec.id, state: $0.status, isSupervisor: $0.spec.isSupervisor,
                restarts: $0.history?.restarts ?? 0)
        }
    }

    var counts: ChildCounts {
        var counts = ChildCounts()
        for child in book.members {
            counts.specs += 1
            if child.spec.isSupervisor { counts.supervisors += 1 }
            switch child.status {
            case .running: counts.active += 1
            case .restarting: counts.restarting += 1
            case .stopped: break
            }
        }
        return counts
    }
}
