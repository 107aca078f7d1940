// SPDX-License-Identifier: Apache-2.0
// One child in the books of its supervisor: where it stands and who waits for it. No process: decisions are made in
// ChildTable, done by the supervisor.
//
//      down --start--> starting --started--> running --its end, or stop--> down
//       ^                 | its start fails                  |
//       +-- waiting <-----+-- backoff                     stopping (told to end)

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
    let spec: ChildSpec
    var state = State.down
    /// Whether it shall run; false once it was stopped, or ended for good.
    var isWanted = true
    /// Whether it ever ran: a child whose first start fails is forgotten.
    var hasRun = false
    /// The process of a start under way that is not awaited; the supervisor's.
    var launched: Pid?
    /// Starts so far: tells the answer of one from that of another.
    var attempt = 0
    /// Restarts so far.
    var restarts = 0
    /// Restarts in a row, without a healthy time in between.
    var restartsInRow = 0
    /// When it came up last.
    var startedAt = Duration.zero
    /// Its own budget, if it has one.
    var window: RestartWindow?
    /// Who asked for it to be started, and for its end.
    var startWaiters: [Int] = []
    var stopWaiters: [Int] = []

    init(key: Int, spec: ChildSpec) {
        self.key = key
        self.spec = spec
        window = spec.budget.map { RestartWindow($0) }
    }

    var isDown: Bool { if case .down = state { true } else { false } }

    /// Its process, from the moment that it is up.
    var pid: Pid? {
        switch state {
        case .running(let pid), .stopping(let pid): pid
        case .down, .waiting, .starting: nil
        }
    }

    /// As `children()` tells it.
    var status: ChildStatus.State {
        switch state {
        case .running(let pid), .stopping(let pid): .running(pid)
        case .waiting, .starting: .restarting
        case .down: isWanted ? .restarting : .stopped
        }
    }
}
