// SPDX-License-Identifier: Apache-2.0
// One child in the books of its supervisor: where it stands and who waits for it. No process: decisions are made in
// ChildTable, done by the supervisor.
//
//      down --start--> starting --started--> running --its end, or stop--> down
//       ^                 | its start fails                  |
//       +-- waiting <-----+-- backoff                     stopping (told to end)

/// One attempt to start one child: tells its answer from those of others.
struct StartAttempt: Hashable, Sendable {
    /// Of the child in its table.
    let place: Int
    /// Grows with each attempt of any child.
    let number: Int
}

/// How often a child was restarted.
final class RestartHistory {
    /// In all.
    var restarts = 0
    /// In a row, without a healthy time in between.
    var inRow = 0
    /// Of its own budget, if it has one.
    var window: RestartWindow?

    init(_ budget: RestartBudget?) { window = budget.map { RestartWindow($0) } }
}

/// What a supervisor knows of one child.
final class SupervisedChild {
    /// Where it stands.
    enum State {
        /// No process, and none is being made.
        case down
        /// Its backoff passes.
        case waiting
        /// Its start is under way; its answer will come, also when it is not wanted any more.
        case starting(isCancelled: Bool)
        /// It runs.
        case running(Pid)
        /// It runs, and has been told to end.
        case stopping(Pid)
    }

    /// Grows with each child: the order of keys is the order of starts.
    let key: Int
    /// Where its table keeps it; another's when it is forgotten.
    let place: Int
    let spec: ChildSpec
    var state = State.down
    /// Whether it shall run; false once it was stopped, or ended for good.
    var isWanted = true
    /// Whether it ever ran: a child whose first start fails is forgotten.
    var hasRun = false
    /// The process it has or had last; kept so that it is found by that while it is started again.
    var lastPid: Pid?
    /// Whether its start is under way and not awaited: how its `init` went will be told.
    var isLaunched = false
    /// The last attempt to start it.
    var attempt: StartAttempt
    /// Nil until it is restarted for the first time.
    var history: RestartHistory?
    /// When it came up last.
    var startedAt = Duration.zero
    /// Who asked for it to be started, and for its end.
    var startWaiter: Int?
    var stopWaiters: [Int] = []

    init(key: Int, place: Int, spec: ChildSpec) {
        self.key = key
        self.place = place
        self.spec = spec
        attempt = StartAttempt(place: place, number: 0)
    }

    var isDown: Bool { if case .down = state { true } else { false } }

    /// Its process, from the moment that it is up.
    var pid: Pid? {
        switch state {
        case .running(let pid), .stopping(let pid): pid
        case .down, .waiting, .starting: nil
        }
    }

    /// Its process, also while that is in its `init`.
    var process: Pid? { pid ?? (isLaunched ? lastPid : nil) }

    /// As `children()` tells it.
    var status: ChildStatus.State {
        switch state {
        case .running(let pid), .stopping(let pid): .running(pid)
        case .waiting, .starting: .restarting
        case .down: isWanted ? .restarting : .stopped
        }
    }
}
