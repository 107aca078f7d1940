// SPDX-License-Identifier: Apache-2.0
// The receiving end of a raw process: unique, not copyable, and lent to the process body, so that two receives cannot
// overlap.

/// The mailbox of the current raw process.
///
/// For servers the runtime owns it; see GenServer.
public struct Mailbox<Message: Sendable>: ~Copyable {
    @usableFromInline let process: _TaskProcess
    /// Passed over by a selective receive, oldest first; news with the tie that it came by, else 0.
    @usableFromInline var skipped: [(info: Info<Message>, tie: UInt64)] = []
    /// At this many, news of ties that were given up meanwhile is looked for.
    private var skippedLimit = 16

    init(_ process: _TaskProcess) { self.process = process }

    /// Where others send to.
    public var ref: ProcessRef<Message> { ProcessRef(pid: Pid(raw: process.pid)) }

    /// Whether exit signals arrive as `Info.exit` instead of ending the process (`process_flag(trap_exit, _)`).
    ///
    /// Default false. A signal that came before stays what it was.
    public var trapsExits: Bool {
        get { _Tie.traps(process.pid) }
        nonmutating set { _Tie.setTrap(process.pid, newValue) }
    }

    /// The next message.
    ///
    /// Signals and other values stay queued for `receiveInfo`.
    ///
    /// - Returns: the oldest message.
    /// - Throws: ``ExitSignal`` when the process was told to end: let it pass.
    @inlinable
    public nonisolated(nonsending) mutating func receive() async throws(ExitSignal) -> Message {
        if let message = takeSkipped({ $0 }) { return message }
        while true {
            let found = process.poll()
            if found == .message { return process.take(Message.self) }
            if let message = try await wait(found, nil, { $0 }) { return message }
        }
    }

    /// The next message, nil after `timeout` (`receive … after`).
    ///
    /// - Parameter timeout: how long to wait; zero or negative only looks.
    /// - Returns: the oldest message, nil if none came in time.
    /// - Throws: ``ExitSignal`` when the process was told to end.
    @inlinable
    public nonisolated(nonsending) mutating func receive(timeout: Duration) async throws(ExitSignal) -> Message? {
        if let message = takeSkipped({ $0 }) { return message }
        let found = process.poll()
        if found == .message { return process.take(Message.self) }
        return try await wait(found, timeout._unsignedNanoseconds) { $0 }
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
    @inlinable
    public nonisolated(nonsending) mutating func receive<R>(
        timeout: Duration? = nil, where match: (Message) -> R?
    ) async throws(ExitSignal) -> R? {
        if let result = takeSkipped(match) { return result }
        return try await wait(process.poll(), timeout?._unsignedNanoseconds, match)
    }

    /// The next message, signal or other value, whichever is first; `.timeout` after `timeout`.
    ///
    /// - Parameter timeout: how long to wait; nil, the default, for ever.
    /// - Returns: the oldest in the mailbox.
    /// - Throws: ``ExitSignal`` when the process was told to end.
    @inlinable
    public nonisolated(nonsending) mutating func receiveInfo(
        timeout: Duration? = nil
    ) async throws(ExitSignal) -> Info<Message> {
        while !skipped.isEmpty {
            let (info, tie) = skipped.removeFirst()
            if process.reads(tie) { return info }
        }
        var limit = _TimeLimit(timeout?._unsignedNanoseconds)
        while true {
            let kind = await process.next(process.poll(), &limit)
            if kind == .none { return .timeout }
            guard let (info, tie) = info(kind) else { throw exitSignal }
            if process.reads(tie) { return info }
        }
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

    /// Whether `pid.sys` works on this process while it receives (S3).
    ///
    /// Default false: requests fail with `timeout` then, at once. When true it can be suspended, resumed and looked at; the
    /// rest of ``Sys`` needs a server.
    public var answersSystemMessages: Bool {
        get { process.answersRequests }
        nonmutating set { process.answersRequests = newValue }
    }

    // MARK: Inside a receive

    /// What the process has come to; nil: it was told to end.
    @inlinable
    func info(_ kind: _Kind) -> (info: Info<Message>, tie: UInt64)? {
        switch kind {
        case .message: return (.message(process.take(Message.self)), 0)
        case .tick: return (.message(process.take(_Tick<Message>.self).message), 0)
        case .unexpected: return (.unexpected(process.take((any Sendable).self)), 0)
        case .exit, .down: return signal(process.takeNews(), isExit: kind == .exit)
        default: return nil
        }
    }

    @usableFromInline
    func signal(_ news: _News, isExit: Bool) -> (info: Info<Message>, tie: UInt64) {
        let (from, reason) = (Pid(raw: news.from), ExitReason(news.reason))
        return (isExit ? .exit(from, reason) : .down(MonitorRef(raw: news.tie), from, reason), news.tie)
    }

    /// Keeps what a selective receive passes over, news as long as its tie stands.
    @usableFromInline
    mutating func skip(_ info: Info<Message>, _ tie: UInt64) {
        if skipped.count >= skippedLimit {
            let process = process
            skipped.removeAll { !process.mayRead($0.tie) }
            skippedLimit = max(16, 2 * skipped.count)
        }
        skipped.append((info, tie))
    }

    /// The first of the skipped messages that `match` accepts.
    @inlinable
    mutating func takeSkipped<R>(_ match: (Message) -> R?) -> R? {
        if skipped.isEmpty { return nil }
        for index in skipped.indices {
            guard case .message(let message) = skipped[index].info, let result = match(message) else { continue }
            skipped.remove(at: index)
            return result
        }
        return nil
    }

    /// The first message that `match` accepts, from the one that `poll` found on; nil after the timeout.
    @inlinable
    nonisolated(nonsending) mutating func wait<R>(
        _ found: _Kind, _ timeout: UInt64?, _ match: (Message) -> R?
    ) async throws(ExitSignal) -> R? {
        var found = found
        var limit = _TimeLimit(timeout)
        while true {
            let kind = await process.next(found, &limit)
            if kind == .none { return nil }
            guard let (info, tie) = info(kind) else { throw exitSignal }
            if case .message(let message) = info, let result = match(message) { return result }
            skip(info, tie)
            found = process.poll()
        }
    }

    @usableFromInline var exitSignal: ExitSignal { ExitSignal(ExitReason(process.reason)) }
}
