// SPDX-License-Identifier: Apache-2.0
// What happened: a child ended, a start was answered, a backoff has passed.

extension ChildTable {
    /// A linked process ended.
    mutating func ended(_ pid: Pid, _ reason: ExitReason, at now: Duration) {
        guard !isOver else { return }
        guard let key = keyOfPid.removeValue(forKey: pid), let child = children[key] else {
            // The exit overtook the answer of its start; or it is a stranger's.
            if startsUnderWay > 0 { earlyExits[pid] = earlyExits[pid] ?? reason }
            return
        }
        if case .stopping = child.state { return isDown(key) }
        children[key]?.state = .down
        // It was about to be told: one end less to wait for.
        if goesDown(key) {
            if child.spec.restart == .temporary { children[key]?.isWanted = false }
            return isDown(key)
        }
        endedByItself(child, reason, at: now)
    }

    /// A start was answered.
    mutating func started(_ key: Int, attempt: Int, _ result: Result<Pid, StartError>, at now: Duration) {
        guard !isOver, let child = children[key], child.attempt == attempt,
            case .starting(let isCancelled) = child.state
        else { return }
        startsUnderWay -= 1
        defer { if startsUnderWay == 0 { earlyExits.removeAll() } }
        switch result {
        case .success(let pid):
            children[key]?.state = .running(pid)
            children[key]?.startedAt = now
            children[key]?.hasRun = true
            keyOfPid[pid] = key
            if isCancelled {
                bringDown(key)
            } else {
                answer(child.startWaiters, .started(pid))
                children[key]?.startWaiters = []
                advance()
            }
            if let reason = earlyExits.removeValue(forKey: pid) { ended(pid, reason, at: now) }
        case .failure(let error):
            children[key]?.state = .down
            if isCancelled || goesDown(key) && child.startWaiters.isEmpty { return isDown(key) }
            startFailed(child, error, at: now)
        }
    }

    /// A backoff has passed.
    mutating func waited(_ key: Int, attempt: Int) {
        guard !isOver, let child = children[key], child.attempt == attempt, case .waiting = child.state else { return }
        start(key)
    }

    // MARK: What follows

    /// Whether a rebuild is about to bring it down.
    private func goesDown(_ key: Int) -> Bool { rebuild.map { $0.isStopping && key >= $0.floor } ?? false }

    private mutating func startFailed(_ child: SupervisedChild, _ error: StartError, at now: Duration) {
        let isAsked = !child.startWaiters.isEmpty
        answer(child.startWaiters, .failed(error))
        children[child.key]?.startWaiters = []
        var isIgnored = false
        if case .ignored = error { isIgnored = true }
        if isIgnored || isAsked || child.spec.restart == .temporary {
            // An ignored start keeps its spec, unless it is temporary; one that was asked for is tried once.
            children[child.key]?.isWanted = false
            let isKept = child.hasRun || isIgnored
            if !isKept || forgets || child.spec.restart == .temporary { forget(child.key) }
            return advance()
        }
        act(.startFailed(child.spec, error))
        guard admitRestart(child.key, at: now) else { return }
        restart(child.key)
    }

    private mutating func endedByItself(_ child: SupervisedChild, _ reason: ExitReason, at now: Duration) {
        let isRestarted =
            switch child.spec.restart {
            case .permanent: true
            case .transient: reason.isAbnormal
            case .temporary: false
            }
        guard isRestarted else {
            children[child.key]?.isWanted = false
            if forgets || child.spec.restart == .temporary { forget(child.key) }
            if child.spec.isSignificant, endsWithSignificant() { return giveUp(.significant(child.spec.id)) }
            return advance()
        }
        guard admitRestart(child.key, at: now) else { return }
        act(.restarts(child.spec, reason))
        restart(child.key)
    }

    /// Whether the end of one significant child ends the supervisor.
    private func endsWithSignificant() -> Bool {
        switch autoShutdown {
        case .never: false
        case .anySignificant: true
        case .allSignificant: !children.values.contains { $0.spec.isSignificant && $0.isWanted }
        }
    }

    mutating func answer(_ waiters: [Int], _ answer: Answer) {
        for waiter in waiters { act(.answer(waiter: waiter, answer)) }
    }
}
