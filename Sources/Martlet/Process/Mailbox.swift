// SPDX-License-Identifier: Apache-2.0
// The receiving end of a raw process: unique, not copyable, and lent to the process body, so that two receives cannot
// overlap.

/// The mailbox of the current raw process, lent to the body of `spawn` and `withProcess`.
///
/// Noncopyable, so that one body receives from it, one receive at a time. What one sender sent comes in the order of
/// sending (R5), unless a selective receive takes it out of turn.
///
/// OTP: `receive`, with `after` and selection as functions.
///
/// When not to use: for requests with replies. A ``GenServer`` has the loop, timeouts, names and crash reports, and its
/// mailbox is the runtime's.
public struct Mailbox<Message: Sendable>: ~Copyable {
    @usableFromInline let process: _TaskProcess
    /// Passed over by a selective receive, oldest first.
    @usableFromInline var skipped = _SkippedQueue<Message>()
    /// The number of each alias, and how much had been skipped when it was made.
    @usableFromInline var marks: [Pid: (number: UInt32, skipped: Int)] = [:]
    /// The numbers of those that are on.
    @usableFromInline var numbers: Set<UInt32> = []

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
        if let message = skipped.take({ $0 }) { return message }
        while true {
            let found = process.poll()
            if found == .message, isOn(process.via) { return process.take(Message.self) }
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
        if let message = skipped.take({ $0 }) { return message }
        let found = process.poll()
        if found == .message, isOn(process.via) { return process.take(Message.self) }
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
        if let result = skipped.take(match) { return result }
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
            let received = skipped.takeFirst()
            if process.reads(received.tie) { return received.info }
        }
        var limit = _TimeLimit(timeout?._unsignedNanoseconds)
        while true {
            let kind = await process.next(process.poll(), &limit)
            if kind == .none { return .timeout }
            guard let received = received(kind) else { throw exitSignal }
            if isOn(received.via), process.reads(received.tie) { return received.info }
        }
    }

    /// The next message that came through an alias (`receive` of a fresh reference).
    ///
    /// All others stay in order. What had been skipped when the alias was made is not looked at: a reply is found at the
    /// same cost however much waits.
    ///
    /// - Parameters:
    ///   - alias: what `alias()` returned.
    ///   - timeout: how long to wait; nil, the default, for ever.
    /// - Returns: the message; nil after the timeout, and at once for an address that is no alias of this mailbox, or no more.
    /// - Throws: ``ExitSignal`` when the process was told to end.
    @inlinable
    public nonisolated(nonsending) mutating func receive(
        through alias: ProcessRef<Message>, timeout: Duration? = nil
    ) async throws(ExitSignal) -> Message? {
        guard let mark = marks[alias.pid] else { return nil }
        if let message = skipped.take(via: mark.number, since: mark.skipped) { return message }
        var limit = _TimeLimit(timeout?._unsignedNanoseconds)
        while true {
            let kind = await process.next(process.poll(), &limit)
            if kind == .none { return nil }
            guard let received = received(kind) else { throw exitSignal }
            if received.via == mark.number, case .message(let message) = received.info { return message }
            if isOn(received.via) { skipped.append(received, of: process) }
        }
    }

    /// A second address for the same mailbox that `unalias` turns off: messages to it vanish then (`alias/0`).
    ///
    /// A sender's messages stay in order, whichever address it uses. No process: it is not alive, and cannot be watched or
    /// ended. When there is no room for it, it is the address of the mailbox itself, which nothing turns off.
    ///
    /// - Returns: the address.
    public mutating func alias() -> ProcessRef<Message> {
        guard let (pid, number) = process.makeAlias() else { return ref }
        marks[Pid(raw: pid)] = (number, skipped.total)
        numbers.insert(number)
        return ProcessRef(pid: Pid(raw: pid))
    }

    /// Turns an alias off, and takes back what came through it and was not received: a reply that came too late.
    ///
    /// - Parameter alias: what `alias()` returned.
    /// - Returns: false if it was not one of this mailbox, or already off.
    /// - Complexity: O(n) in what has been skipped since the alias was made.
    @discardableResult
    public mutating func unalias(_ alias: ProcessRef<Message>) -> Bool {
        guard let mark = marks.removeValue(forKey: alias.pid) else { return false }
        numbers.remove(mark.number)
        // What is still in the queue is dropped by the receive that comes to it.
        skipped.drop(via: mark.number, since: mark.skipped)
        return process.dropAlias(alias.pid.raw)
    }

    /// Whether a message that came through an alias of that number, 0: none, may be received.
    @inlinable @inline(__always)
    func isOn(_ via: UInt32) -> Bool { via == 0 || numbers.contains(via) }

    /// Whether `pid.sys` works on this process while it receives (S3).
    ///
    /// Default false: `sys` fails with `timeout` then, at once. When true it can be suspended, resumed and looked at, with
    /// ``formatStatus`` as its state; the rest of ``Sys`` needs a server, whose engine knows what a message is and when it
    /// has been handled.
    public var answersSystemMessages: Bool {
        get { process.answersCommands }
        nonmutating set { process.answersCommands = newValue }
    }

    /// What `pid.sys.status()` shows of the body's state; nil, the default: nothing (`system_get_state`).
    ///
    /// It runs in the body's task, inside a receive, and may use what the body uses. No secrets in it.
    public var formatStatus: (() -> String)? {
        get { process.formatStatus }
        nonmutating set { process.formatStatus = newValue }
    }

    // MARK: Inside a receive

    /// What the process has come to; nil: it was told to end.
    @inlinable
    func received(_ kind: _Kind) -> _Received<Message>? {
        let via = process.via
        switch kind {
        case .message: return _Received(.message(process.take(Message.self)), via: via)
        case .tick: return _Received(.message(process.take(_Tick<Message>.self).message), via: via)
        case .unexpected: return _Received(.unexpected(process.take((any Sendable).self)), via: via)
        case .exit, .down: return signal(process.takeNews(), isExit: kind == .exit)
        default: return nil
        }
    }

    @usableFromInline
    func signal(_ news: _News, isExit: Bool) -> _Received<Message> {
        let (from, reason) = (Pid(raw: news.from), ExitReason(news.reason))
        let info: Info<Message> =
            isExit ? .exit(from, reason) : .down(MonitorRef(raw: news.tie), from, reason)
        return _Received(info, tie: news.tie)
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
            guard let received = received(kind) else { throw exitSignal }
            if isOn(received.via) {
                if case .message(let message) = received.info, let result = match(message) { return result }
                skipped.append(received, of: process)
            }
            found = process.poll()
        }
    }

    @usableFromInline var exitSignal: ExitSignal { ExitSignal(ExitReason(process.reason)) }
}
