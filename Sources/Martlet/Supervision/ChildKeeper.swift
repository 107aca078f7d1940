// SPDX-License-Identifier: Apache-2.0
// Does what ChildTable decides: starts children in tasks that act for the supervisor, tells them to end, kills those that
// take too long, answers who asked. One a supervisor, owned by its process.

/// The children of one supervisor, with what is under way for them.
final class ChildKeeper {
    typealias Starting = Task<Result<Pid, StartError>, Never>

    /// Who is to be answered.
    enum Asker {
        case start(From<Result<Pid, StartError>>)
        case restart(From<Result<Pid, SupervisorError>>)
        case stop(From<SupervisorError?>)
        case found(From<Bool>)
        /// One of several that are awaited.
        case countdown(Countdown)
    }

    /// Counts what is awaited.
    final class Countdown {
        var left = 0
    }

    var table: ChildTable
    /// Whether giving up is an error.
    var endsProgram = false
    private let runtime: Runtime
    private let process: ProcessRef<ChildNews>
    /// Starts under way in tasks.
    private var starts: [StartAttempt: Starting] = [:]
    private var deadlines: [Pid: TimerRef] = [:]
    private var askers: [Int: Asker] = [:]
    private var lastAsker = 0

    /// Of the supervisor that is `process`.
    init(_ table: consuming ChildTable, _ process: ProcessRef<ChildNews>) {
        self.table = table
        self.process = process
        runtime = Runtime.current
    }

    deinit { cancelStarts() }

    private var owner: Pid { process.pid }
    private var now: Duration { runtime.uptime }

    /// For the jitter: differs from start to start, and not from one deterministic run to its repetition, as pids do.
    static var seed: UInt64 { UInt64(bitPattern: Runtime.current.uptime._nanoseconds) }

    // MARK: The beginning

    /// In `init`: a bound would refuse or displace news, and a child would be in its start for ever.
    func checkMailbox() throws(SupervisorError) {
        if _Room.isBounded(owner.raw) { throw .boundedMailbox }
    }

    /// Starts the children in order; when one fails, those before it are ended in reverse order.
    ///
    /// In `init`.
    nonisolated(nonsending) func startAll(_ specs: [ChildSpec]) async throws {
        try checkMailbox()
        table.book.reserve(specs.count)
        for index in specs.indices {
            let child = table.book.enter(specs[index])
            let result: Result<Pid, StartError>
            if let fault = specs[index].fault(table.autoShutdown) {
                result = .failure(.failed(fault))
            } else if let child {
                result = table.checked(await child.spec.started(by: owner, ownerWaits: true), of: child)
            } else {
                result = .failure(.duplicateChild(specs[index].id))
            }
            switch (child, result) {
            case (let child?, .success(let pid)): table.cameUp(child, pid, at: now)
            case (let child?, .failure(.ignored)): table.wasIgnored(child)
            case (_, .success), (_, .failure):
                await end(isConcurrent: false)
                guard case .failure(let error) = result else { return }
                throw InitFailure(.child(specs[index].id, error), exit: .shutdown)
            }
        }
    }

    // MARK: What is asked

    func ask(_ asker: Asker) -> Int {
        lastAsker += 1
        askers[lastAsker] = asker
        return lastAsker
    }

    func withdraw(_ waiter: Int) { askers[waiter] = nil }

    // MARK: What happened

    /// All that a supervisor is told.
    func handle(_ info: Info<ChildNews>) -> Next {
        switch info {
        case .message(let news): hear(news)
        case .exit(let pid, let reason): ended(pid, reason)
        case .timeout, .down, .unexpected: .wait
        }
    }

    private func hear(_ news: ChildNews) -> Next {
        switch news.kind {
        case .started(let attempt, let result):
            if !starts.isEmpty { starts[attempt] = nil }
            guard let child = table.book.child(in: attempt) else { break }
            let isKnown = child.isLaunched
            child.isLaunched = false
            table.started(attempt, isKnown ? result : table.checked(result, of: child), at: now)
        case .waited(let attempt): table.waited(attempt)
        case .overdue(let pid):
            guard deadlines.removeValue(forKey: pid) != nil else { break }
            if let child = table.book.child(of: pid) { SupervisorLog.killed(child.spec, pid, by: owner) }
            pid.kill()
        }
        return perform()
    }

    private func ended(_ pid: Pid, _ reason: ExitReason) -> Next {
        if !deadlines.isEmpty { deadlines.removeValue(forKey: pid)?.cancel() }
        if let child = table.book.child(of: pid), child.isLaunched {
            child.isLaunched = false
            // A failure that ends it so is told for itself.
            if case .normal = reason { return .wait }
            var error = StartError.exited(reason)
            if case .error(let cause) = reason { error = .failed(cause) }
            table.started(child.attempt, .failure(error), at: now)
        } else {
            table.ended(pid, reason, at: now)
        }
        return perform()
    }

    // MARK: What is to be done

    /// Does what was decided since the last time.
    func perform() -> Next {
        while let action = table.takeAction() {
            switch action {
            case .start(let child): start(child)
            case .cancelStart(let child): cancelStart(child)
            case .stop(let pid, let child): stop(pid, child.spec)
            case .wait(let attempt, let delay): _ = process.sendAfter(delay, ChildNews(.waited(attempt)))
            case .answer(let waiter, let answer): self.answer(waiter, answer)
            case .startFailed(let child, let error): SupervisorLog.startFailed(child.spec, error, by: owner)
            case .restarts(let child, let reason): SupervisorLog.restarts(child.spec, reason, by: owner)
            case .giveUp(let cause):
                SupervisorLog.givesUp(cause, by: owner)
                if endsProgram, case .intensity(let child, let budget) = cause {
                    return .stop(.error(RestartsExceeded(child: child, budget: budget)))
                }
                return .stop(.shutdown)
            }
        }
        return .wait
    }

    private func start(_ child: SupervisedChild) {
        let (attempt, process) = (child.attempt, process)
        switch child.spec.server?.launch(by: owner, { process.send(ChildNews(.started(attempt, $0))) }) {
        case .success(let pid)?:
            child.isLaunched = true
            table.book.note(child, has: pid)
        case .failure(let error)?: process.send(ChildNews(.started(attempt, .failure(error))))
        case nil: startInTask(child.spec, attempt)
        }
    }

    private func startInTask(_ spec: ChildSpec, _ attempt: StartAttempt) {
        starts[attempt] = Task(executorPreference: runtime.executor) { [process] in
            let result = await process.pid.acting { await spec.started(by: process.pid) }
            process.send(ChildNews(.started(attempt, result)))
            return result
        }
    }

    private func stop(_ pid: Pid, _ spec: ChildSpec) {
        // One that gave up its link would end unheard.
        pid.link()
        switch spec.shutdown {
        case .brutalKill: pid.kill()
        case .infinity: pid.exit(.shutdown)
        case .after(let limit):
            pid.exit(.shutdown)
            deadlines[pid] = process.sendAfter(limit, ChildNews(.overdue(pid)))
        }
    }

    private func answer(_ waiter: Int, _ answer: ChildTable.Answer) {
        switch (askers.removeValue(forKey: waiter), answer) {
        case (.start(let from)?, .started(let pid)): _ = from.reply(.success(pid))
        case (.start(let from)?, .failed(let error)): _ = from.reply(.failure(error))
        case (.restart(let from)?, .started(let pid)): _ = from.reply(.success(pid))
        case (.restart(let from)?, .failed(let error)): _ = from.reply(.failure(.start(error)))
        case (.stop(let from)?, _): _ = from.reply(nil)
        case (.found(let from)?, _): _ = from.reply(true)
        case (.countdown(let countdown)?, _): countdown.left -= 1
        case (.start?, .stopped), (.restart?, .stopped), (nil, _): break
        }
    }

    // MARK: The end

    private func cancelStarts() {
        for attempt in starts.keys.sorted(by: { $0.number < $1.number }) { starts[attempt]?.cancel() }
    }

    /// What is in `init` is killed, as a start whose task is cancelled is.
    private func cancelStart(_ child: SupervisedChild) {
        starts[child.attempt]?.cancel()
        if child.isLaunched { child.lastPid?.kill() }
    }

    /// Ends all children, in reverse order and one at a time, or all at once; none is left when it returns.
    nonisolated(nonsending) func end(isConcurrent: Bool) async {
        for timer in deadlines.values { timer.cancel() }
        cancelStarts()
        let last = table.book.ordered.reversed()
        if isConcurrent {
            for child in last { if let pid = child.process { child.spec.tellToEnd(pid) } }
        }
        let began = now
        for child in last {
            var pid = child.process
            if pid == nil, let start = starts[child.attempt], case .success(let late) = await start.value {
                pid = late
                if isConcurrent { child.spec.tellToEnd(late) }
            }
            guard let pid else { continue }
            if !isConcurrent { child.spec.tellToEnd(pid) }
            await child.spec.awaitEnd(pid, after: isConcurrent ? now - began : .zero, owner)
        }
    }
}
