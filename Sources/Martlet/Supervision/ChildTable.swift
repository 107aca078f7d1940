// SPDX-License-Identifier: Apache-2.0
// What a supervisor decides (R18, R19), as a pure state machine: events go in, actions come out. No process, no clock, no
// task: the supervisor does what it says and tells it what came of it.
//
// Strategies. oneForOne: each child for itself. The others rebuild: all children from a floor on are brought down in
// reverse order, then up again in order, one at a time. What fails meanwhile lowers the floor, or begins again; so does a
// child whose start is under way, whose answer is awaited first. Nothing ever waits within the table, so the supervisor
// stays responsive while a start hangs.

/// The children of one supervisor.
struct ChildTable {
    /// What the supervisor is to do.
    enum Action {
        /// Run the spec's start, then tell `started` of that attempt.
        case start(SupervisedChild)
        /// Nobody wants that start any more; its answer still comes.
        case cancelStart(key: Int)
        /// End it as its spec says; its exit will be told.
        case stop(Pid, ChildSpec)
        /// Tell `waited` of that attempt after the delay.
        case wait(key: Int, attempt: Int, Duration)
        /// Answer who asked.
        case answer(waiter: Int, Answer)
        /// End all children and exit `.shutdown`.
        case giveUp(GiveUp)
        /// For the log: it was not started again.
        case startFailed(ChildSpec, StartError)
        /// For the log: it ended and is started again.
        case restarts(ChildSpec, ExitReason)
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
    let forgets: Bool

    var children: [Int: SupervisedChild] = [:]
    /// The keys in order; not kept where order does not matter.
    private(set) var order: [Int] = []
    private var keys: [ChildID: Int] = [:]
    var keyOfPid: [Pid: Int] = [:]
    private var lastKey = 0
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

    init(
        _ strategy: Supervisor.Strategy, _ budget: RestartBudget, autoShutdown: Supervisor.AutoShutdown = .never,
        forgets: Bool = false, seed: UInt64 = 0
    ) {
        self.strategy = strategy
        self.autoShutdown = autoShutdown
        self.forgets = forgets
        window = RestartWindow(budget)
        random = SplitMix(state: seed)
    }

    /// What is to be done since the last time, in order.
    mutating func takeActions() -> [Action] {
        if actions.isEmpty { return [] }
        var taken: [Action] = []
        swap(&taken, &actions)
        return taken
    }

    mutating func act(_ action: Action) { actions.append(action) }

    // MARK: Members

    /// Enters a child, down; nil: its id is taken.
    mutating func enter(_ spec: ChildSpec) -> Int? {
        if !forgets {
            guard keys[spec.id] == nil else { return nil }
            keys[spec.id] = lastKey + 1
            order.append(lastKey + 1)
        }
        lastKey += 1
        children[lastKey] = SupervisedChild(key: lastKey, spec: spec)
        return lastKey
    }

    mutating func forget(_ key: Int) {
        guard let child = children.removeValue(forKey: key), !forgets else { return }
        keys[child.spec.id] = nil
        if let index = position(of: key) { order.remove(at: index) }
    }

    func child(_ id: ChildID) -> SupervisedChild? { keys[id].flatMap { children[$0] } }

    /// The children in start order.
    var ordered: [SupervisedChild] { (forgets ? children.keys.sorted() : order).compactMap { children[$0] } }

    /// The index of the first key that is not below `key`.
    func lowerBound(_ key: Int) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if order[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func position(of key: Int) -> Int? {
        let index = lowerBound(key)
        return index < order.count && order[index] == key ? index : nil
    }

    // MARK: Restarting

    /// Whether one more restart of a child is within the budget; if not, all is over.
    mutating func admitRestart(_ key: Int, at now: Duration) -> Bool {
        guard let child = children[key] else { return false }
        let isAdmitted: Bool
        if children[key]?.window != nil {
            isAdmitted = children[key]?.window?.admit(at: now) ?? false
        } else {
            isAdmitted = window.admit(at: now)
        }
        guard isAdmitted else {
            giveUp(.intensity(child.spec.id, child.spec.budget ?? window.budget))
            return false
        }
        let isHealthy = child.spec.backoff.map { child.hasRun && now - child.startedAt >= $0.max } ?? true
        children[key]?.restarts += 1
        children[key]?.restartsInRow = isHealthy ? 1 : child.restartsInRow + 1
        return true
    }

    /// Begins to start a child that is down, after its backoff if it has one.
    mutating func begin(_ key: Int) {
        guard let child = children[key] else { return }
        children[key]?.attempt += 1
        if let backoff = child.spec.backoff, child.restartsInRow > 0 {
            children[key]?.state = .waiting
            let delay = backoff.delay(attempt: child.restartsInRow, random: random.unit())
            return act(.wait(key: key, attempt: child.attempt, delay))
        }
        start(key)
    }

    mutating func start(_ key: Int) {
        children[key]?.state = .starting(isCancelled: false)
        startsUnderWay += 1
        if let child = children[key] { act(.start(child)) }
    }

    mutating func giveUp(_ cause: GiveUp) {
        guard !isOver else { return }
        isOver = true
        act(.giveUp(cause))
    }
}
