// SPDX-License-Identifier: Apache-2.0
// What a server keeps while somebody looks at it through `sys`: a log, counters, sinks. Nothing of it exists, and no
// event is made, while nobody looks.

/// Owned by the process: only its engine touches it.
@usableFromInline
final class _ServerDebug {
    typealias Sink = @Sendable (SysEvent) throws -> Void

    /// The last events; of as many as are kept, the oldest is at `oldest`.
    private var kept: [SysEvent] = []
    private var oldest = 0
    private var sinks: [(name: String, sink: Sink)] = []
    /// Events of the message that is being handled, for the sinks.
    private var untold: [SysEvent] = []
    private(set) var statistics: ServerStatistics?
    /// The most events that are kept.
    private var logMax = 0
    /// Whether a message is being handled.
    private var isHandling = false
    private var beganAt: UInt64 = 0
    private var sentBefore: UInt64 = 0

    /// Whether nobody looks any more.
    var isIdle: Bool { logMax == 0 && sinks.isEmpty && statistics == nil }

    /// The kept events, oldest first.
    var log: [SysEvent] { Array(kept[oldest...] + kept[..<oldest]) }

    func keepLog(_ count: Int) {
        logMax = max(0, count)
        kept = log.suffix(logMax)
        oldest = 0
    }

    func collect(_ on: Bool, _ slice: _Slice) {
        if on { statistics = statistics ?? ServerStatistics(since: .nanoseconds(Int64(clamping: slice.now))) }
        if !on { statistics = nil }
    }

    /// Installs a sink in place of one of that name.
    func install(_ name: String, _ sink: @escaping Sink) {
        sinks.removeAll { $0.name == name }
        sinks.append((name, sink))
    }

    func remove(_ name: String) -> Bool {
        let count = sinks.count
        sinks.removeAll { $0.name == name }
        return sinks.count < count
    }

    // MARK: Events

    private func note(_ kind: SysEvent.Kind, _ slice: _Slice) {
        let event = SysEvent(
            pid: Pid(raw: slice.pid), kind: kind, time: .nanoseconds(Int64(clamping: slice.now)))
        if !sinks.isEmpty { untold.append(event) }
        guard logMax > 0 else { return }
        guard kept.count == logMax else { return kept.append(event) }
        kept[oldest] = event
        oldest = (oldest + 1) % logMax
    }

    /// A message came in.
    ///
    /// Owner, before its callback.
    func came(_ kind: SysEvent.Kind, _ slice: _Slice) {
        note(kind, slice)
        isHandling = true
        statistics?.messagesIn += 1
        beganAt = slice.now
        sentBefore = slice.sentHere
    }

    /// Its callback returned.
    ///
    /// Owner.
    func returned(_ slice: _Slice, isSynchronous: Bool) {
        guard isHandling else { return }
        isHandling = false
        let isReplied = slice.kind == .call && slice.isAnswered
        if isReplied { note(.reply(to: slice.asker), slice) }
        note(.next, slice)
        guard statistics != nil else { return }
        statistics?.busy += .nanoseconds(Int64(clamping: slice.now &- beganAt))
        let sent = isSynchronous ? slice.sentHere &- sentBefore : 0
        statistics?.messagesOut += sent + (isReplied ? 1 : 0)
    }

    /// Whether sinks are to be called.
    var hasUntold: Bool { !untold.isEmpty }

    /// Calls the sinks; one that throws is removed.
    ///
    /// In user code.
    func tell() {
        let events = untold
        untold = []
        for event in events {
            sinks.removeAll { _, sink in
                do { try sink(event) } catch { return true }
                return false
            }
        }
    }
}

extension _Slice {
    /// The process that made the current request, as long as it is known.
    fileprivate var asker: Pid? {
        let caller = askerOfReply
        return caller == 0 ? nil : Pid(raw: caller)
    }
}

extension _ServerExtras {
    /// A call, a cast or an info came in: what waits for idleness ends, and who looks is told.
    @usableFromInline
    static func messageCame<E: ~Copyable, Message>(
        _ state: _State<_ServerState<E>>, _ slice: _Slice, _ message: borrowing Message
    ) {
        messageCame(state, slice)
        guard let debug = state.value.extras?.debug else { return }
        let name = _CallFailure.name(of: message)
        switch slice.kind {
        case .call: debug.came(.call(name, from: slice.asker), slice)
        case .cast: debug.came(.cast(name), slice)
        default: debug.came(.info(name), slice)
        }
    }
}
