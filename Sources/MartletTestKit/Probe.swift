// SPDX-License-Identifier: Apache-2.0
// A process that records.

public import Martlet

/// A process for tests to send to and watch with.
///
/// Each expectation takes what it matched and fails with what came instead. One expectation at a time. The probe ends
/// with its last reference.
///
/// In a test runtime the limits are virtual time and cost nothing; elsewhere they are that runtime's.
///
/// OTP has no counterpart: there a test is a process itself, as ExUnit's `assert_receive` takes for granted.
///
/// When not to use: for what a call can ask; for what no message tells, ``eventually(within:fileID:line:_:)``.
public final class Probe<Message: Sendable>: Sendable {
    /// Where to send.
    public let ref: ProcessRef<Message>
    private let inbox = Inbox<Message>()
    private let downs = Ends()
    private let exits = Ends()

    /// Starts the process on the current runtime; it traps exits.
    ///
    /// - Parameter message: what it receives.
    public init(_ message: Message.Type = Message.self) {
        let (inbox, downs, exits) = (inbox, downs, exits)
        ref = spawn(Message.self) { mailbox in
            while true {
                switch try await mailbox.receiveInfo() {
                case .message(let message): inbox.put(message)
                case .down(_, let pid, let reason): downs.inbox(of: pid).put(reason)
                case .exit(let pid, let reason): exits.inbox(of: pid).put(reason)
                case .unexpected, .timeout: continue
                }
            }
        }
        ref.pid.setTrapsExits()
        Probes.add(ref.pid)
    }

    deinit {
        ref.pid.kill()
        Probes.remove(ref.pid)
    }

    /// Takes the next message.
    ///
    /// - Parameters:
    ///   - limit: how long to wait; 1 second by default.
    ///   - fileID: where a failure is reported; the caller's by default.
    ///   - line: where a failure is reported; the caller's by default.
    /// - Returns: the message.
    /// - Throws: ``ProbeFailure`` when none came in time.
    @discardableResult
    public nonisolated(nonsending) func expect(
        within limit: Duration = .seconds(1), fileID: StaticString = #fileID, line: UInt = #line
    ) async throws -> Message {
        if let message = await inbox.next(within: limit) { return message }
        throw ProbeFailure("expected a \(Message.self) within \(limit), got nothing", fileID, line)
    }

    /// Expects that no message comes for that long.
    ///
    /// - Parameters:
    ///   - time: how long; a message that is there already counts.
    ///   - fileID: where a failure is reported; the caller's by default.
    ///   - line: where a failure is reported; the caller's by default.
    /// - Throws: ``ProbeFailure`` with the message that came.
    public nonisolated(nonsending) func expectNone(
        for time: Duration, fileID: StaticString = #fileID, line: UInt = #line
    ) async throws {
        guard let message = await inbox.next(within: time) else { return }
        throw ProbeFailure("expected no message for \(time), got \(message)", fileID, line)
    }

    /// Watches a process from now on: ``expectDown(of:within:fileID:line:)`` hears of its end.
    ///
    /// - Parameter pid: the process; of one that is gone already comes `.noProcess`.
    public func watch(_ pid: Pid) { ref.pid.monitors(pid) }

    /// Links the probe with a process: ``expectExit(of:within:fileID:line:)`` hears of its end, and the probe's end, with
    /// its last reference, ends the process.
    ///
    /// - Parameter pid: the process; of one that is gone already comes `.noProcess`.
    public func link(_ pid: Pid) { ref.pid.links(with: pid) }

    /// Takes an exit signal: of a linked process that ended, or one sent to the probe.
    ///
    /// - Parameters:
    ///   - pid: who it is from.
    ///   - limit: how long to wait; 1 second by default.
    ///   - fileID: where a failure is reported; the caller's by default.
    ///   - line: where a failure is reported; the caller's by default.
    /// - Returns: the reason it carries.
    /// - Throws: ``ProbeFailure`` when none came in time.
    @discardableResult
    public nonisolated(nonsending) func expectExit(
        of pid: Pid, within limit: Duration = .seconds(1), fileID: StaticString = #fileID, line: UInt = #line
    ) async throws -> ExitReason {
        if let reason = await exits.inbox(of: pid).next(within: limit) { return reason }
        throw ProbeFailure("expected an exit signal of \(pid) within \(limit), got none", fileID, line)
    }

    /// Takes the end of a watched process.
    ///
    /// - Parameters:
    ///   - pid: the process; each `watch` hears once.
    ///   - limit: how long to wait; 1 second by default.
    ///   - fileID: where a failure is reported; the caller's by default.
    ///   - line: where a failure is reported; the caller's by default.
    /// - Returns: why it ended.
    /// - Throws: ``ProbeFailure`` when it has not ended in time.
    @discardableResult
    public nonisolated(nonsending) func expectDown(
        of pid: Pid, within limit: Duration = .seconds(1), fileID: StaticString = #fileID, line: UInt = #line
    ) async throws -> ExitReason {
        if let reason = await downs.inbox(of: pid).next(within: limit) { return reason }
        throw ProbeFailure("expected the end of \(pid) within \(limit), and it is alive or not watched", fileID, line)
    }
}

extension Probe where Message: Equatable {
    /// Takes the next message, which must be this one.
    ///
    /// - Parameters:
    ///   - message: what must come.
    ///   - limit: how long to wait; 1 second by default.
    ///   - fileID: where a failure is reported; the caller's by default.
    ///   - line: where a failure is reported; the caller's by default.
    /// - Throws: ``ProbeFailure`` with what came instead.
    public nonisolated(nonsending) func expect(
        _ message: Message, within limit: Duration = .seconds(1), fileID: StaticString = #fileID, line: UInt = #line
    ) async throws {
        let next = await inbox.next(within: limit)
        if next == message { return }
        let got = next.map { "\($0)" } ?? "nothing"
        throw ProbeFailure("expected \(message) within \(limit), got \(got)", fileID, line)
    }
}

/// An expectation of a probe, or of `eventually`, that did not hold.
public struct ProbeFailure: Error, Sendable, CustomStringConvertible {
    /// What was expected, what came, and where the expectation stands.
    public let description: String

    init(_ what: String, _ fileID: StaticString, _ line: UInt) { description = "\(what) (\(fileID):\(line))" }
}

/// What came and was not yet taken.
private final class Inbox<Value: Sendable>: Sendable {
    private struct State {
        var values: [Value] = []
        var wait: TimedWait?
    }

    private let state = _Locked(State())

    func put(_ value: Value) {
        let wait = state.withLock { state in
            state.values.append(value)
            defer { state.wait = nil }
            return state.wait
        }
        wait?.wake()
    }

    private func take() -> Value? {
        state.withLock { $0.values.isEmpty ? nil : $0.values.removeFirst() }
    }

    /// The oldest; nil: none came in time.
    nonisolated(nonsending) func next(within limit: Duration) async -> Value? {
        guard let wait = TimedWait(limit: limit) else { return take() }
        let value: Value? = state.withLock { state in
            if !state.values.isEmpty { return state.values.removeFirst() }
            precondition(state.wait == nil, "expected one expectation of a probe at a time, got two")
            state.wait = wait
            return nil
        }
        if value != nil {
            wait.discard()
            return value
        }
        _ = await wait.wait()
        state.withLock { $0.wait = nil }
        return take()
    }
}

/// The ends of processes, by process.
private final class Ends: Sendable {
    private let inboxes = _Locked<[Pid: Inbox<ExitReason>]>([:])

    func inbox(of pid: Pid) -> Inbox<ExitReason> {
        inboxes.withLock { inboxes in
            if let inbox = inboxes[pid] { return inbox }
            let made = Inbox<ExitReason>()
            inboxes[pid] = made
            return made
        }
    }
}

/// The probes that live: no test has left them behind.
enum Probes {
    private static let pids = _Locked<Set<Pid>>([])

    static func add(_ pid: Pid) { pids.withLock { _ = $0.insert(pid) } }
    static func remove(_ pid: Pid) { pids.withLock { _ = $0.remove(pid) } }
    static func contains(_ pid: Pid) -> Bool { pids.withLock { $0.contains(pid) } }
}
