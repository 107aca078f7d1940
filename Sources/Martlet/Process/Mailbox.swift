// SPDX-License-Identifier: Apache-2.0
// The receiving end of a raw process: unique, not copyable, and lent to the process body, so that two receives cannot
// overlap.

/// The mailbox of the current raw process.
///
/// For servers the runtime owns it; see GenServer.
public struct Mailbox<Message: Sendable>: ~Copyable {
    private let process: _TaskProcess
    /// Passed over by a selective receive, oldest first.
    private var skipped: [Info<Message>] = []
    /// When the process was told to end and the body has not yet returned.
    private var ending: ExitReason?

    init(_ process: _TaskProcess) { self.process = process }

    /// Where others send to.
    public var ref: ProcessRef<Message> { ProcessRef(pid: Pid(raw: process.pid)) }

    /// The next message.
    ///
    /// Other values stay queued for `receiveInfo`.
    ///
    /// - Returns: the oldest message.
    /// - Throws: ``ExitSignal`` when the process was told to end: let it pass.
    public nonisolated(nonsending) mutating func receive() async throws(ExitSignal) -> Message {
        while true {
            if let message = try await receive(timeout: nil, where: { $0 }) { return message }
        }
    }

    /// The next message, nil after `timeout` (`receive … after`).
    ///
    /// - Parameter timeout: how long to wait; zero or negative only looks.
    /// - Returns: the oldest message, nil if none came in time.
    /// - Throws: ``ExitSignal`` when the process was told to end.
    public nonisolated(nonsending) mutating func receive(timeout: Duration) async throws(ExitSignal) -> Message? {
        try await receive(timeout: timeout, where: { $0 })
    }

    /// The first message that `match` accepts; others stay in order.
    ///
    /// Skipped messages are looked at once, not again at each arrival.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait; nil, the default, for ever.
    ///   - match: what to make of a message; nil leaves it in the mailbox.
    /// - Returns: what `match` returned; nil after the timeout.
    /// - Throws: ``ExitSignal`` when the process was told to end.
    public nonisolated(nonsending) mutating func receive<R>(
        timeout: Duration? = nil, where match: (Message) -> R?
    ) async throws(ExitSignal) -> R? {
        for index in skipped.indices {
            guard case .message(let message) = skipped[index], let result = match(message) else { continue }
            skipped.remove(at: index)
            return result
        }
        var wait = Wait(timeout)
        while let info = try await next(&wait) {
            if case .message(let message) = info, let result = match(message) { return result }
            skipped.append(info)
        }
        return nil
    }

    /// The next message or other value, whichever is first; `.timeout` after `timeout`.
    ///
    /// - Parameter timeout: how long to wait; nil, the default, for ever.
    /// - Returns: the oldest in the mailbox.
    /// - Throws: ``ExitSignal`` when the process was told to end.
    public nonisolated(nonsending) mutating func receiveInfo(
        timeout: Duration? = nil
    ) async throws(ExitSignal) -> Info<Message> {
        if !skipped.isEmpty { return skipped.removeFirst() }
        var wait = Wait(timeout)
        return try await next(&wait) ?? .timeout
    }

    /// A second address for the same mailbox that `unalias` turns off: later messages to it vanish (`alias/0`).
    ///
    /// Messages through it pass one more process; those of one sender stay in order among themselves. When there is no room
    /// for another process, it is the address of the mailbox itself, which nothing turns off.
    ///
    /// - Returns: the address.
    public mutating func alias() -> ProcessRef<Message> {
        let pid = process.makeAlias()
        return pid == 0 ? ref : ProcessRef(pid: Pid(raw: pid))
    }

    /// Turns an alias off.
    ///
    /// - Parameter alias: what `alias()` returned.
    /// - Returns: false if it was not one of this mailbox, or already off.
    @discardableResult
    public mutating func unalias(_ alias: ProcessRef<Message>) -> Bool { process.dropAlias(alias.pid.raw) }

    // MARK: Waiting

    /// How long one receive may take, across wake-ups.
    private struct Wait {
        let limit: UInt64?
        var deadline: UInt64?

        init(_ timeout: Duration?) { limit = timeout?._unsignedNanoseconds }
    }

    /// The next of the mailbox, nil after the timeout.
    private nonisolated(nonsending) mutating func next(_ wait: inout Wait) async throws(ExitSignal) -> Info<Message>? {
        if let ending { throw ExitSignal(ending) }
        guard process.takeBack() else { throw end(.killed) }
        while true {
            switch process.poll() {
            case .message:
                let message = process.take(Message.self)
                process.enter()
                return .message(message)
            case .tick:
                let tick = process.take(_Tick<Message>.self)
                process.enter()
                return .message(tick.message)
            case .unexpected:
                let value = process.take((any Sendable).self)
                process.enter()
                return .unexpected(value)
            case .stop:
                let reason = ExitReason(process.take(_Reason.self))
                process.face.defer_(process.face.reply)
                process.enter()
                throw end(reason)
            case .die:
                let reason = process.face.takeDeathReason()
                process.finish(reason)
                throw end(ExitReason(reason))
            case .none:
                if isOver(&wait) {
                    process.enter()
                    return nil
                }
                guard await process.wait() else { throw end(ExitReason(process.deathReason)) }
            default:
                // An idle timer: whether it is this receive's is decided by the clock, when the mailbox is empty.
                _ = process.face.idleTimerFired()
            }
        }
    }

    /// Whether the time is up; else the timer is armed.
    ///
    /// Owner.
    private func isOver(_ wait: inout Wait) -> Bool {
        guard let limit = wait.limit else { return false }
        let now = process.face.now
        let deadline = wait.deadline ?? (limit > .max - now ? .max : now + limit)
        wait.deadline = deadline
        if limit == 0 || now >= deadline { return true }
        return !process.face.armIdle(at: deadline)
    }

    private mutating func end(_ reason: ExitReason) -> ExitSignal {
        ending = reason
        return ExitSignal(reason)
    }
}
