// SPDX-License-Identifier: Apache-2.0
// Idle times of a server (R7, R9), and its name if somebody else resolves it. One timer a process, armed lazily: a
// message only notes that it came, and a timer that fires too soon is armed again for what is left.

/// What few servers need beside their state.
@usableFromInline
final class _ServerExtras {
    /// When `Info.timeout` is due, 0: not waiting for it.
    @usableFromInline var idleDeadline: UInt64 = 0
    /// Idle nanoseconds before the process hibernates by itself, 0: never.
    @usableFromInline var hibernatesAfter: UInt64 = 0
    /// When that is, 0: not before the next message.
    @usableFromInline var hibernateDeadline: UInt64 = 0
    /// Between `.hibernate` and the next message.
    @usableFromInline var isHibernating = false
    /// A name that someone else resolves.
    @usableFromInline var via: (any NameResolver)?
    /// Who hears of the end of `init`, if nobody waits for it.
    @usableFromInline var notice: _Starter.Notice?
    /// The label of the start.
    @usableFromInline var label: String?
    /// Who looks at the server through `sys`.
    @usableFromInline var debug: _ServerDebug?

    @usableFromInline
    init() {}

    /// Whether nothing is kept here.
    var isEmpty: Bool {
        idleDeadline == 0 && hibernatesAfter == 0 && hibernateDeadline == 0 && !isHibernating && via == nil
            && notice == nil && label == nil && debug == nil
    }

    /// Gives the process its label; nil when there is nothing else to keep.
    @usableFromInline
    func label(_ slice: _Slice) -> _ServerExtras? {
        if let label { _ = _Labels.set(label, of: slice.pid) }
        label = nil
        return hibernatesAfter == 0 && via == nil ? nil : self
    }

    /// Registers the via name; the holder, or what was thrown, as a failure.
    @usableFromInline
    func registerVia(_ pid: UInt64) -> StartError? {
        let failure: StartError
        do {
            guard let holder = try via?.register(Pid(raw: pid)) else { return nil }
            failure = .alreadyStarted(holder)
        } catch { failure = .failed(error) }
        via = nil
        return failure
    }

    @usableFromInline
    func unregisterVia(_ pid: UInt64) { via?.unregister(Pid(raw: pid)) }

    /// A user message came: nothing waits for idleness any more.
    @usableFromInline
    static func messageCame<E: ~Copyable>(_ state: _State<_ServerState<E>>, _ slice: _Slice) {
        guard let extras = state.value.extras else { return }
        extras.idleDeadline = 0
        extras.hibernateDeadline = 0
        if extras.isHibernating {
            extras.isHibernating = false
            slice.wake()
        }
    }

    /// After `.wait`: arms automatic hibernation where it is asked for.
    @usableFromInline
    static func settle<E: ~Copyable>(_ state: _State<_ServerState<E>>, _ slice: _Slice) {
        guard let extras = state.value.extras, extras.hibernatesAfter > 0, !extras.isHibernating else { return }
        extras.hibernateDeadline = slice.now &+ extras.hibernatesAfter
        extras.arm(slice)
    }

    /// After `.wait(idle:)`.
    @usableFromInline
    static func waitIdle<E: ~Copyable>(_ nanoseconds: Int64, _ state: _State<_ServerState<E>>, _ slice: _Slice) {
        let extras = ensure(state)
        let now = slice.now
        extras.idleDeadline = now &+ max(1, UInt64(nanoseconds))
        if extras.hibernatesAfter > 0 { extras.hibernateDeadline = now &+ extras.hibernatesAfter }
        extras.arm(slice)
    }

    @usableFromInline
    static func ensure<E: ~Copyable>(_ state: _State<_ServerState<E>>) -> _ServerExtras {
        if let extras = state.value.extras { return extras }
        let extras = _ServerExtras()
        state.value.extras = extras
        return extras
    }

    /// What the clock asks for.
    @usableFromInline
    enum Due { case nothing, timeout, hibernation }

    /// What is due; it is spent then.
    @usableFromInline
    func takeDue(_ slice: _Slice) -> Due {
        let now = slice.now
        if idleDeadline > 0, idleDeadline <= now {
            idleDeadline = 0
            return .timeout
        }
        guard hibernateDeadline > 0, hibernateDeadline <= now else { return .nothing }
        hibernateDeadline = 0
        return .hibernation
    }

    /// The process hibernates from now on.
    @usableFromInline
    static func hibernates<E: ~Copyable>(_ state: _State<_ServerState<E>>, _ slice: _Slice) {
        let extras = ensure(state)
        extras.isHibernating = true
        extras.hibernateDeadline = 0
        slice.hibernate()
    }

    /// Arms the timer for the earlier of the two.
    ///
    /// Without memory for a timer the process stays awake: it loses comfort, no message.
    @usableFromInline
    func arm(_ slice: _Slice) {
        let due = [idleDeadline, hibernateDeadline].filter { $0 > 0 }.min()
        if let due { _ = slice.armIdle(at: due) }
    }
}
