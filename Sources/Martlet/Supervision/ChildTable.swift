// SPDX-License-Identifier: Apache-2.0
// What a supervisor decides (R18, R19), as a pure state machine: events go in, actions come out. No process, no clock, no
// task: the supervisor does what it says and tells it what came of it.
//
// Strategies. oneForOne: each child for itself. The others rebuild: all children from a floor on are brought down in
// reverse order, then up again in order, one at a time. What fails meanwhile lowers the floor, or begins again; so does a
// child whose start is under way, whose answer is awaited first. Nothing ever waits within the table, so the supervisor
// stays responsive while a start hangs.

/// The children of one supervisor.
struct ChildTable: ~Copyable {
    /// What the supervisor is to do.
    enum Action {
        /// Run the spec's start, then tell `started` of that attempt.
        case start(SupervisedChild)
        /// Nobody wants that start any more; its answer still comes.
        case cancelStart(SupervisedChild)
        /// End it as its spec says; its exit will be told.
        case stop(Pid, SupervisedChild)
        /// Tell `waited` of that attempt after the delay.
        case wait(StartAttempt, Duration)
        /// Answer who asked.
        case answer(waiter: Int, Answer)
        /// End all children and exit `.shutdown`.
        case giveUp(GiveUp)
        /// For the log: it was not started again.
        case startFailed(SupervisedChild, StartError)
        /// For the log: it ended and is started again.
        case restarts(SupervisedChild, ExitReason)
    }

    enum Answer {
        case started(Pid)
        case failed(StartError)
        case stopped
    }

    /// Why a supervisor ends by itself.
    enum GiveUp {
        case intensity(ChildID, RestartBudget)
        case significant(ChildID)
    }

    /// Every child from the floor on goes down, then up again.
    struct Rebuild {
        /// The first key of those concerned.
        var floor: Int
        /// Whether they still go down.
        var isStopping = true
        /// Going down: those above it are down; going up: those below it are up, or not wanted.
        var cursor = Int.max
    }

    let strategy: Supervisor.Strategy
    let autoShutdown: Supervisor.AutoShutdown
    /// Whether a child that is down for good is forgotten, whatever its restart: children without ids.
    var forgets: Bool { !book.isOrdered }

    var book: ChildBook
    private var lastAttempt = 0
    private var window: RestartWindow
    private var random: SplitMix
    /// A restart of several under way.
    var rebuild: Rebuild?
    /// Starts whose answer is to come; while there are any, an exit of an unknown process may be one of a child whose
    /// answer is behind it.
    var startsUnderWay = 0
    var earlyExits: [Pid: ExitReason] = [:]
    private(set) var isOver = false
    private var actions: [Action] = []
    private var actionsTaken = 0

    init(
        _ strategy: Supervisor.Strategy, _ budget: RestartBudget, autoShutdown: Supervisor.AutoShutdown = .never,
        forgets: Bool = false, seed: UInt64 = 0
    ) {
        self.strategy = strategy
        self.autoShutdown = autoShutdown
        book = ChildBook(isOrdered: !forgets)
        window = RestartWindow(budget)
        random = SplitMix(state: seed)
    }

    /// What is to be done next.
    mutating func takeAction() -> Action? {
        guard actionsTaken < actions.count else {
            actions.removeAll(keepingCapacity: actions.count <= 64)
            actionsTaken = 0
            return nil
        }
        actionsTaken += 1
        return actions[actionsTaken - 1]
    }

    mutating func act(_ action: Action) { actions.append(action) }

    // MARK: Restarting

    /// Whether one more restart of a child is within the budget; if not, all is over.
    mutating func admitRestart(_ child: SupervisedChild, at now: Duration) -> Bool {
        let history = child.history ?? RestartHistory(child.spec.budget)
        guard history.window?.admit(at: now) ?? window.admit(at: now) else {
            giveUp(.intensity(child.spec.id, child.spec.budget ?? window.budget))
            return false
        }
        let isHealthy = child.spec.backoff.map { child.hasRun && now - child.startedAt >= $0.max } ?? true
        history.restarts += 1
        history.inRow = isHealthy ? 1 : history.inRow + 1
        child.history = history
        return true
    }

    /// Begins to start a child that is down, after its backoff if it has one.
    mutating func begin(_ child: SupervisedChild) {
        lastAttempt += 1
        child.attempt = StartAttempt(place: child.place, number: lastAttempt)
        if let backoff = child.spec.backoff, let inRow = child.history?.inRow, inRow > 0 {
            child.state = .waiting
            let delay = backoff.delay(attempt: inRow, random: random.unit())
            return act(.wait(child.attempt, delay))
        }
        start(child)
    }

    mutating func start(_ child: SupervisedChild) {
        child.state = .starting(isCancelled: false)
        startsUnderWay += 1
        act(.start(child))
    }

    mutating func giveUp(_ cause: GiveUp) {
        guard !isOver else { return }
        isOver = true
        act(.giveUp(cause))
    }
}
