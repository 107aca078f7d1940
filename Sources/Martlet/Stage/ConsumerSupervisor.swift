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
        case started(Subscription, ChildSpec, Pid?)
    }

    /// True: the ends of children are its work.
    public static var trapsExits: Bool { true }

    private let child: Argument
    private var children: [Pid: (spec: ChildSpec, subscription: Subscription)] = [:]
    /// Starts under way, and the ends that overtook their news.
    private var starting = 0
    private var early: Set<Pid> = []
    /// Children that have ended, by subscription, and were not asked for again.
    private var free: [Subscription: Int] = [:]

    /// Callback of the engine; use `start`.
    public init(_ child: @escaping @Sendable (Event) -> ChildSpec) throws { self.child = child }

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
            starting += 1
            let spec = child(event)
            Task(executorPreference: Runtime.current.executor) {
                let result = await me.pid.acting { await spec.started(by: me.pid) }
                me.process.send(Message(news: .started(subscription, spec, try? result.get())))
            }
        }
        return .wait
    }

    /// Callback of the engine.
    public mutating func handleInfo(_ info: Info<Message>, _ out: inout Emitter<Never>) throws -> Next {
        switch info {
        case .message(let message):
            guard case .started(let subscription, let spec, let pid) = message.news else { break }
            starting -= 1
            if let pid, early.remove(pid) == nil {
                children[pid] = (spec, subscription)
            } else {
                ended(subscription)
            }
            if starting == 0 { early = [] }
        case .exit(let pid, _):
            if let child = children.removeValue(forKey: pid) {
                ended(child.subscription)
            } else if starting > 0 {
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

    /// Callback of the engine: ends the children, all at once, each within its own time.
    public mutating func terminate(_ reason: ExitReason) throws {
        let (children, me) = (children.map { ($0, $1.spec) }, Self.current.pid)
        if children.isEmpty { return }
        for (pid, spec) in children { spec.tellToEnd(pid) }
        // The callback blocks its thread while this waits for them.
        let reaper = spawn(Never.self) { _ in
            let began = Runtime.current.uptime
            for (pid, spec) in children { await spec.awaitEnd(pid, after: Runtime.current.uptime - began, me) }
        }
        reaper.pid.waitForExitBlocking()
    }
}
