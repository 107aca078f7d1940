// SPDX-License-Identifier: Apache-2.0
// What happened: a child ended, a start was answered, a backoff has passed.

extension ChildTable {
    /// A linked process ended.
    mutating func ended(_ pid: Pid, _ reason: ExitReason, at now: Duration) {
        guard !isOver else { return }
        guard let child = book.child(of: pid), child.pid == pid else {
            // The exit overtook the answer of its start; or it is a stranger's.
            if startsUnderWay > 0 { earlyExits[pid] = earlyExits[pid] ?? reason }
            return
        }
        if case .stopping = child.state { return isDown(child) }
        child.state = .down
        // It was about to be told: one end less to wait for.
        if goesDown(child) {
            if child.spec.restart == .temporary { child.isWanted = false }
            return isDown(child)
        }
        endedByItself(child, reason, at: now)
    }

    /// A start was answered.
    mutating func started(_ attempt: StartAttempt, _ result: Result<Pid, StartError>, at now: Duration) {
        guard !isOver, let child = book.child(in: attempt), case .starting(let isCancelled) = child.state else {
            return
        }
        startsUnderWay -= 1
        switch result {
        case .success(let pid):
            cameUp(child, pid, at: now)
            if isCancelled {
                bringDown(child)
            } else {
                answerStart(child, .started(pid))
                advance()
            }
            if !earlyExits.isEmpty, let reason = earlyExits.removeValue(forKey: pid) { ended(pid, reason, at: now) }
        case .failure(let error):
            child.state = .down
            if isCancelled || goesDown(child) && child.startWaiter == nil {
                isDown(child)
            } else {
                startFailed(child, error, at: now)
            }
        }
        if startsUnderWay == 0, !earlyExits.isEmpty { earlyExits.removeAll() }
    }

    /// A child is up.
    mutating func cameUp(_ child: SupervisedChild, _ pid: Pid, at now: Duration) {
        child.state = .running(pid)
        child.startedAt = now
        child.hasRun = true
        book.note(child, has: pid)
    }

    /// A backoff has passed.
    mutating func waited(_ attempt: StartAttempt) {
        guard !isOver, let child = book.child(in: attempt), case .waiting = child.state else { return }
        start(child)
    }

    // MARK: What follows

    /// Whether a rebuild is about to bring it down.
    private func goesDown(_ child: SupervisedChild) -> Bool {
        rebuild.map { $0.isStopping && child.key >= $0.floor } ?? false
    }

    private mutating func startFailed(_ child: SupervisedChild, _ error: StartError, at now: Duration) {
        let isAsked = child.startWaiter != nil
        answerStart(child, .failed(error))
        var isIgnored = false
        if case .ignored = error { isIgnored = true }
        if isIgnored || isAsked || child.spec.restart == .temporary {
            // An ignored start keeps its spec, unless it is temporary; one that was asked for is tried once.
            child.isWanted = false
            let isKept = child.hasRun || isIgnored
            if !isKept || forgets || child.spec.restart == .temporary { book.forget(child) }
            return advance()
        }
        act(.startFailed(child, error))
        if admitRestart(child, at: now) { restart(child) }
    }

    private mutating func endedByItself(_ child: SupervisedChild, _ reason: ExitReason, at now: Duration) {
        let isRestarted =
            switch child.spec.restart {
            case .permanent: true
            case .transient: reason.isAbnormal
            case .temporary: false
            }
        guard isRestarted else {
            child.isWanted = false
            if forgets || child.spec.restart == .temporary { book.forget(child) }
            if child.spec.isSignificant, endsWithSignificant() { return giveUp(.significant(child.spec.id)) }
            return advance()
        }
        guard admitRestart(child, at: now) else { return }
        act(.restarts(child, reason))
        restart(child)
    }

    /// Whether the end of one significant child ends the supervisor.
    private func endsWithSignificant() -> Bool {
        switch autoShutdown {
        case .never: false
        case .anySignificant: true
        case .allSignificant: !book.members.contains { $0.spec.isSignificant && $0.isWanted }
        }
    }

    mutating func answerStart(_ child: SupervisedChild, _ answer: Answer) {
        guard let waiter = child.startWaiter else { return }
        child.startWaiter = nil
        act(.answer(waiter: waiter, answer))
    }
}
