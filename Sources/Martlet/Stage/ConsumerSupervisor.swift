// SPDX-License-Identifier: Apache-2.0
// A process for each event.

/// A consumer that starts a temporary child for each event, at most the subscription's maximum at once.
///
/// More events are asked for as children end, so the bounds of the subscription are those of the processes. Children are
/// never restarted, whatever their spec says: an event whose child fails, or does not start, is done. They end with the
/// supervisor, all at once, as their specs say.
///
/// OTP: Elixir's `ConsumerSupervisor`.
///
/// When not to use: for work that needs no process of its own: handle the events in a consumer, or map with `Tasks.stream`.
public struct ConsumerSupervisor<Event: Sendable>: Stage, ~Copyable {
    /// What it takes.
    public typealias Input = Event
    /// Makes the child of an event.
    public typealias Argument = @Sendable (Event) -> ChildSpec
    /// News that it sends to itself.
    public struct Message: Sendable { let news: News }

    enum News: Sendable {
        case started(Int, Subscription, ChildSpec, Pid?)
    }

    /// True: the ends of children are its work.
    public static var trapsExits: Bool { true }

    private let child: Argument
    private var children: [Pid: (spec: ChildSpec, subscription: Subscription)] = [:]
    /// Starts under way, and the ends that overtook their news.
    private var starts: [Int: (spec: ChildSpec, task: Task<Pid?, Never>)] = [:]
    private var lastStart = 0
    private var early: Set<Pid> = []
    /// Children that have ended, by subscription, and were not asked for again.
    private var free: [Subscription: Int] = [:]

    /// Callback of the engine; use `start`.
    public init(_ child: @escaping @Sendable (Event) -> ChildSpec) throws { self.child = child }

    deinit { for start in starts.values { start.task.cancel() } }

    /// Callback of the engine.
    public mutating func handleSubscribe(_ subscription: Subscription) throws -> Subscription.Demand {
        free[subscription] = 0
        subscription.ask(subscription.demand.upperBound)
        return .manual
    }

    /// Callback of the engine.
    public mutating func handleCancel(_ subscription: Subscription, _ reason: ExitReason) throws {
        free[subscription] = nil
    }

    /// Callback of the engine.
    public mutating func handleEvents(
        _ events: [Event], from subscription: Subscription, _ out: inout Emitter<Never>
    ) throws -> Next {
        let me = Self.current
        for event in events {
            lastStart += 1
            let (number, spec) = (lastStart, child(event))
            let task = Task(executorPreference: Runtime.current.executor) {
                let pid = try? await me.pid.acting { await spec.started(by: me.pid) }.get()
                me.process.send(Message(news: .started(number, subscription, spec, pid)))
                return pid
            }
            starts[number] = (spec, task)
        }
        return .wait
    }

    /// Callback of the engine.
    public mutating func handleInfo(_ info: Info<Message>, _ out: inout Emitter<Never>) throws -> Next {
        switch info {
        case .message(let message):
            guard case .started(let number, let subscription, let spec, let pid) = message.news else { break }
            starts[number] = nil
            if let pid, early.remove(pid) == nil {
                children[pid] = (spec, subscription)
            } else {
                ended(subscription)
            }
            if starts.isEmpty { early = [] }
        case .exit(let pid, _):
            if let child = children.removeValue(forKey: pid) {
                ended(child.subscription)
            } else if !starts.isEmpty {
                early.insert(pid)
            }
        default: break
        }
        return .wait
    }

    private mutating func ended(_ subscription: Subscription) {
        guard let count = free[subscription] else { return }
        let demand = subscription.demand
        guard count + 1 >= demand.upperBound - demand.lowerBound else {
            free[subscription] = count + 1
            return
        }
        free[subscription] = 0
        subscription.ask(count + 1)
    }

    /// Callback of the engine: ends the children, all at once, each within its own time; those that are being started too.
    public mutating func terminate(_ reason: ExitReason) throws {
        var ending = children.map { ($0, $1.spec) } + late()
        ending.sort { $0.0.raw < $1.0.raw }
        if ending.isEmpty { return }
        for (pid, spec) in ending { spec.tellToEnd(pid) }
        // The callback blocks its thread while this waits for them.
        let (all, me) = (ending, Self.current.pid)
        let reaper = spawn(Never.self) { _ in
            let began = Runtime.current.uptime
            for (pid, spec) in all { await spec.awaitEnd(pid, after: Runtime.current.uptime - began, me) }
        }
        reaper.pid.waitForExitBlocking()
    }

    /// Withdraws the starts under way; the children that came up all the same.
    private func late() -> [(Pid, ChildSpec)] {
        if starts.isEmpty { return [] }
        let starts = starts.sorted { $0.key < $1.key }.map(\.value)
        for start in starts { start.task.cancel() }
        let late = _Locked<[(Pid, ChildSpec)]>([])
        let waiter = spawn(Never.self) { _ in
            for (spec, task) in starts {
                if let pid = await task.value { late.withLock { $0.append((pid, spec)) } }
            }
        }
        waiter.pid.waitForExitBlocking()
        return late.withLock { $0 }
    }
}
