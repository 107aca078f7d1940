// SPDX-License-Identifier: Apache-2.0
// What a supervisor decides, against a world that does anything: random ends, failed starts, slow starts, requests.

import Testing

@testable import Martlet

@Suite("ChildTable")
struct ChildTableTests {
    static let strategies: [Supervisor.Strategy] = [.oneForOne, .oneForAll, .restForOne]

    @Test("a window admits its budget, not one more, and again when the oldest has left it (R19)", .tags(.property))
    func window() {
        var window = RestartWindow(RestartBudget(maxRestarts: 3, within: .seconds(5)))
        let times: [Duration] = [.zero, .seconds(1), .seconds(2), .seconds(5), .milliseconds(5_001)]
        let admitted = times.map { window.admit(at: $0) }
        #expect(admitted == [true, true, true, false, true])
        var none = RestartWindow(RestartBudget(maxRestarts: 0))
        let isAdmitted = none.admit(at: .zero)
        #expect(!isAdmitted)
    }

    @Test("a window of any size agrees with counting over all restarts (R19)", .tags(.property))
    func windowAgainstCounting() async {
        for seed in 0..<200 as Range<UInt64> {
            await Task.yield()
            var random = SplitMix(state: seed)
            let budget = RestartBudget(
                maxRestarts: Int(random.unit() * 100), within: .milliseconds(1 + Int(random.unit() * 300)))
            var window = RestartWindow(budget)
            var all: [Duration] = []
            var now = Duration.zero
            for _ in 0..<1_000 {
                now += .milliseconds(Int(random.unit() * 10))
                let isAllowed = all.filter { now - $0 <= budget.within }.count < budget.maxRestarts
                let isAdmitted = window.admit(at: now)
                #expect(isAdmitted == isAllowed)
                if isAllowed { all.append(now) }
            }
        }
    }

    @Test("a delay grows to its maximum, and its random part only shortens it")
    func backoff() {
        let backoff = Backoff(first: .milliseconds(100), max: .seconds(1), factor: 2, jitter: 0.5)
        #expect(
            (1...6).map { backoff.delay(attempt: $0, random: 0) / .milliseconds(1) } == [
                100, 200, 400, 800, 1_000, 1_000,
            ])
        #expect(backoff.delay(attempt: 2, random: 0.5) == .milliseconds(150))
    }

    @Test("a child whose start returned a process that another had before is told of its end")
    func borrowedProcess() {
        var table = ChildTable(.oneForOne, RestartBudget())
        let (old, new) = (Pid(raw: 1), Pid(raw: 2))
        for id in ["a", "b"] as [ChildID] { _ = table.add(ChildSpec(id: id) { Pid.none }, waiter: nil) }
        guard let a = table.book.child("a"), let b = table.book.child("b") else { Issue.record("no children"); return }
        table.started(a.attempt, .success(old), at: .zero)
        table.ended(old, .killed, at: .zero)
        table.started(b.attempt, .success(old), at: .zero)
        table.started(a.attempt, .success(new), at: .zero)
        table.ended(old, .killed, at: .zero)
        #expect(a.pid == new && b.pid == nil && b.history?.restarts == 1)
    }

    @Test(
        "whatever ends, fails and is asked for: one incarnation a child, the strategy's order, the exact intensity",
        .tags(.property), arguments: strategies)
    func anyWorld(strategy: Supervisor.Strategy) async {
        for seed in 0..<3_000 as Range<UInt64> {
            await Task.yield()
            let world = World(strategy, seed: seed)
            world.run(events: 120)
            if let fault = world.fault {
                Issue.record("seed \(seed): \(fault)")
                return
            }
        }
    }
}

/// Processes that are made, end and die at random, and a table that has to cope.
private final class World {
    var table: ChildTable
    var random: SplitMix
    var now = Duration.zero
    var lastPid: UInt64 = 0
    var lastID = 0
    /// What was decided and is not done yet.
    var pending: [ChildTable.Action] = []
    /// Processes that are there, by child, with how often one was started.
    var alive: [Pid: Int] = [:]
    var starting: Set<Int> = []
    /// Restarts as a plain list.
    var restarts: [Duration] = []
    let budget: RestartBudget
    var gaveUp = false
    var waiters: [Int: Int] = [:]
    var lastWaiter = 0
    var fault: String?

    init(_ strategy: Supervisor.Strategy, seed: UInt64) {
        random = SplitMix(state: seed)
        budget = RestartBudget(maxRestarts: Int(random.unit() * 12), within: .milliseconds(50))
        table = ChildTable(strategy, budget)
        for _ in 0..<Int(1 + random.unit() * 5) { startChild() }
    }

    func fail(_ what: String) { fault = fault ?? what }
    func chance(_ part: Double) -> Bool { random.unit() < part }
    func pick<T>(_ items: [T]) -> T? { items.isEmpty ? nil : items[Int(random.unit() * Double(items.count))] }

    func waiter() -> Int {
        lastWaiter += 1
        waiters[lastWaiter] = 0
        return lastWaiter
    }

    func startChild() {
        lastID += 1
        let restarts: [ChildSpec.Restart] = [.permanent, .permanent, .transient, .temporary]
        var spec = ChildSpec(id: "\(lastID)", restart: pick(restarts) ?? .permanent) { Pid.none }
        if chance(0.2) { spec.backoff = Backoff(first: .milliseconds(5), max: .milliseconds(40)) }
        if table.add(spec, waiter: waiter()) != nil { fail("a new id was refused") }
    }

    func run(events: Int) {
        collect()
        for _ in 0..<events where !gaveUp && fault == nil {
            now += .milliseconds(Int(random.unit() * 8))
            event()
            collect()
        }
        settle()
    }

    func event() {
        switch random.unit() {
        case ..<0.55: act()
        case ..<0.85: end(chance(0.7) ? .killed : .normal)
        case ..<0.90: startChild()
        default: request()
        }
    }

    /// A process ends by itself.
    func end(_ reason: ExitReason) {
        guard let pid = pick(alive.keys.sorted { $0.raw < $1.raw }) else { return }
        alive[pid] = nil
        let child = table.book.child(of: pid)
        // Its restart counts, unless it was to go down anyway.
        let isTold: Bool
        if case .stopping? = child?.state { isTold = true } else { isTold = false }
        let isInRebuild = goesDown(child?.key ?? 0)
        let counts: Bool
        switch child?.spec.restart {
        case .permanent?: counts = true
        case .transient?: counts = reason.isAbnormal
        case .temporary?, nil: counts = false
        }
        if counts, !isTold, !isInRebuild { count() }
        table.ended(pid, reason, at: now)
    }

    /// Whether it is to go down anyway: then its end or failure does not count.
    func goesDown(_ key: Int) -> Bool { table.rebuild.map { $0.isStopping && key >= $0.floor } ?? false }

    func count() {
        if restarts.filter({ now - $0 <= budget.within }).count >= budget.maxRestarts { gaveUp = true }
        restarts.append(now)
    }

    func request() {
        guard let child = pick(table.book.ordered) else { return }
        switch random.unit() {
        case ..<0.4:
            let waiter = waiter()
            table.stop(child, waiter: waiter)
        case ..<0.8:
            let waiter = waiter()
            if table.restart(child, waiter: waiter) != nil { waiters[waiter] = 1 }
        default: _ = table.delete(child)
        }
    }

    /// Does one of the pending actions.
    func act() {
        guard !pending.isEmpty else { return }
        switch pending.remove(at: Int(random.unit() * Double(pending.count))) {
        case .start(let child): finish(child)
        case .stop(let pid, _):
            guard alive.removeValue(forKey: pid) != nil else { return }
            table.ended(pid, .shutdown, at: now)
        case .wait(let attempt, _): table.waited(attempt)
        case .cancelStart, .answer, .giveUp, .startFailed, .restarts: break
        }
    }

    func finish(_ child: SupervisedChild) {
        starting.remove(child.key)
        if chance(0.25) {
            let error: StartError = chance(0.2) ? .ignored : .systemLimit
            var isIgnored = false
            if case .ignored = error { isIgnored = true }
            if let entry = table.book.child(in: child.attempt), case .starting(false) = entry.state,
                entry.startWaiter == nil, entry.spec.restart != .temporary, !isIgnored, !goesDown(child.key)
            {
                count()
            }
            return table.started(child.attempt, .failure(error), at: now)
        }
        lastPid += 1
        let pid = Pid(raw: lastPid)
        // Now and then its end overtakes the news of its start.
        if chance(0.1) {
            table.ended(pid, .killed, at: now)
            let entry = table.book.child(in: child.attempt)
            if case .starting(false)? = entry?.state, entry?.spec.restart != .temporary, !goesDown(child.key) {
                count()
            }
        } else {
            alive[pid] = child.key
        }
        table.started(child.attempt, .success(pid), at: now)
    }

    /// Checks what was decided, and keeps it.
    func collect() {
        var hasGivenUp = false
        while let action = table.takeAction() {
            switch action {
            case .start(let child): check(start: child)
            case .answer(let waiter, _):
                if waiters[waiter] != 0 { fail("waiter \(waiter) was answered twice") }
                waiters[waiter] = 1
                continue
            case .giveUp: hasGivenUp = true
            default: break
            }
            pending.append(action)
        }
        if hasGivenUp != gaveUp { fail("gave up: \(hasGivenUp), by the count: \(gaveUp)") }
    }

    func check(start child: SupervisedChild) {
        if alive.values.contains(child.key) { fail("child \(child.key) was started while it runs") }
        if !starting.insert(child.key).inserted { fail("child \(child.key) was started twice") }
        if child.spec.restart == .temporary, child.hasRun { fail("temporary child \(child.key) came back") }
        // One that is started because somebody asked for it may come after later ones.
        guard let rebuild = table.rebuild, child.key >= rebuild.floor, child.startWaiter == nil else { return }
        let isOther = { (key: Int) in
            key != child.key && key >= rebuild.floor
                && self.table.book.ordered.first { $0.key == key }?.startWaiter == nil
        }
        if starting.contains(where: isOther) { fail("two starts in a rebuild") }
        if alive.values.contains(where: { $0 > child.key && $0 >= rebuild.floor }) {
            fail("child \(child.key) was started before a later one was down")
        }
    }

    /// When all that was decided is done, each child is where it shall be, and nobody waits.
    func settle() {
        guard !gaveUp else { return }
        random = SplitMix(state: 0)
        for _ in 0..<10_000 where !pending.isEmpty && !gaveUp && fault == nil {
            now += .seconds(1)
            act()
            collect()
        }
        guard !gaveUp, fault == nil else { return }
        if !pending.isEmpty { fail("never at rest") }
        for child in table.book.members {
            switch child.state {
            case .running(let pid) where child.isWanted && alive[pid] == child.key: continue
            case .down where !child.isWanted && !alive.values.contains(child.key): continue
            default: fail("child \(child.key) rests as \(child.state), wanted: \(child.isWanted)")
            }
        }
        for (pid, key) in alive where table.book.child(of: pid)?.key != key { fail("\(pid) is not known") }
        if let open = waiters.first(where: { $0.value == 0 }) { fail("waiter \(open.key) was never answered") }
        if table.rebuild != nil { fail("a rebuild is left") }
    }
}

extension Tag {
    /// Random sequences against a model.
    @Tag static var property: Self
}
