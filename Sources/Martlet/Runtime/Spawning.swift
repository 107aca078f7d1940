// SPDX-License-Identifier: Apache-2.0
// Making processes: the INIT message and its spawn.

public import CMartlet

/// The payload of an INIT message: the core's header, then what the engine needs to begin.
@usableFromInline
@safe
struct _Init<Argument> {
    @usableFromInline var head: mt_init_t
    @usableFromInline var argument: Argument
    /// Objects the engine keeps with the state, nil for nearly all.
    @usableFromInline var extras: AnyObject?

    @inlinable
    init(head: mt_init_t, argument: consuming Argument, extras: AnyObject?) {
        unsafe self.head = unsafe head
        self.argument = argument
        self.extras = extras
    }
}

/// What ties a new process to its starter.
@usableFromInline
enum _StartTies {
    case none, link, monitor
}

/// How a process is to be started.
@usableFromInline
struct _SpawnRequest {
    @usableFromInline var name: UInt64 = 0
    @usableFromInline var capacity = 0
    /// Queued messages of an unbounded mailbox that are reported, 0: none.
    @usableFromInline var highWater = 0
    /// 0 unbounded, 1 reject, 2 drop newest, 3 drop oldest.
    @usableFromInline var policy: UInt32 = 0
    @usableFromInline var trapsExits = false
    /// Whom the new process is tied to before it begins.
    @usableFromInline var starter: UInt64 = 0
    /// Who counts as the one that started it, 0: the current process.
    @usableFromInline var parent: UInt64 = 0
    @usableFromInline var ties = _StartTies.none
    @usableFromInline var extras: AnyObject?

    @inlinable
    init() {}
}

/// Why there is no new process.
@usableFromInline
enum _SpawnFailure: Error {
    case shutDown, systemLimit
    /// Who starts it was killed: nothing it still does has an effect.
    case killed
}

@usableFromInline
enum _Spawning {
    /// Starts a process of a class; `reply` hears of its init (0: nobody does), `waits` says who waits for that, and
    /// `monitor` is the tie that was asked for.
    @inlinable
    static func spawn<Argument>(
        _ processClass: _ProcessClass, _ argument: consuming Argument, _ request: _SpawnRequest, in core: _Core,
        reply: UInt64, waits: mt_waits_t = .nobody, monitor: inout UInt64
    ) -> Result<UInt64, _SpawnFailure> {
        guard let thread = unsafe mt_thread_self() else { return .failure(.systemLimit) }
        var head = unsafe mt_init_t()
        unsafe head.klass = UnsafePointer(processClass.core)
        unsafe head.name = UnsafePointer(bitPattern: UInt(request.name))
        unsafe head.parent = request.parent == 0 ? _CurrentProcess.pid : request.parent
        unsafe head.high_water = UInt32(clamping: request.highWater)
        let payload = unsafe _Init(head: head, argument: argument, extras: request.extras)
        guard let node = unsafe make(thread, payload, reply: reply) else { return .failure(.systemLimit) }
        var spec = unsafe mt_spawn_t()
        unsafe spec.`init` = node.pointer
        unsafe spec.capacity = UInt32(clamping: min(request.capacity, Int(Int32.max)))
        unsafe spec.policy = mt_policy_t(rawValue: request.policy) ?? .unbounded
        unsafe spec.traps_exits = request.trapsExits
        if waits != .nobody {
            unsafe spec.waits = waits
            unsafe spec.owner = _CurrentProcess.waiter
        }
        var pid: UInt64 = 0
        let status = unsafe withUnsafeMutablePointer(to: &monitor) { monitor in
            unsafe spec.starter = request.starter
            unsafe spec.links = request.ties == .link
            unsafe spec.monitor = unsafe request.ties == .monitor ? monitor : nil
            return unsafe mt_process_spawn(core.pointer, thread, &spec, &pid)
        }
        if status == .ok { return .success(pid) }
        unsafe node.drop(thread)
        switch status {
        case .shutDown: return .failure(.shutDown)
        case .noProcess: return .failure(.killed)
        default: return .failure(.systemLimit)
        }
    }

    /// Without a monitor.
    @inlinable
    static func spawn<Argument>(
        _ processClass: _ProcessClass, _ argument: consuming Argument, _ request: _SpawnRequest, in core: _Core,
        reply: UInt64
    ) -> Result<UInt64, _SpawnFailure> {
        var monitor: UInt64 = 0
        return spawn(processClass, argument, request, in: core, reply: reply, monitor: &monitor)
    }

    // The core reads the header in the node, so a large argument is boxed by itself.
    @inlinable
    static func make<Argument>(
        _ thread: UnsafeMutablePointer<mt_thread_t>, _ payload: consuming _Init<Argument>, reply: UInt64
    ) -> _Node? {
        if unsafe _Node.holds(_Init<Argument>.self) {
            return unsafe _Node.make(thread, payload, kind: .initialise, reply: reply)
        }
        let boxed = unsafe _Init(head: payload.head, argument: _Box(payload.argument), extras: payload.extras)
        return unsafe _Node.make(thread, boxed, kind: .initialise, reply: reply)
    }
}

extension _Slice {
    /// Moves argument and extras out of the INIT message.
    @inlinable
    func takeInit<Argument>(_: Argument.Type) -> (argument: Argument, extras: AnyObject?) {
        if unsafe _Node.holds(_Init<Argument>.self) {
            let payload = unsafe pointer.pointee.payload.assumingMemoryBound(to: _Init<Argument>.self).move()
            return (payload.argument, payload.extras)
        }
        let payload = unsafe pointer.pointee.payload.assumingMemoryBound(to: _Init<_Box<Argument>>.self).move()
        return (payload.argument.value, payload.extras)
    }
}
