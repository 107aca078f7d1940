// SPDX-License-Identifier: Apache-2.0
// What the asynchronous and the blocking start share: the request for a process, and what its answer means.

@safe
@usableFromInline
struct _Launch<S: Server & ~Copyable>: ~Copyable {
    /// Hears of the end of `init`.
    @usableFromInline let call: _Call
    @usableFromInline let core: _Core
    @usableFromInline let request: _SpawnRequest
    /// The monitor that was asked for, once the process is made.
    @usableFromInline var monitor: UInt64 = 0

    @inlinable
    init(_ name: ServerName<S>?, _ options: StartOptions, _ tie: _StartTie?) throws(StartError) {
        core = options.runtime?.core ?? Runtime.currentCore
        let request = Self.request(name, options)
        self.request = tie.map { request.tied(by: $0.ties, to: $0.starter) } ?? request
        guard
            case .success(let call) = _Call.begin(
                in: core, timeout: options.timeout?._unsignedNanoseconds ?? .max)
        else { throw .systemLimit }
        self.call = call
    }

    @inlinable
    static func request(_ name: ServerName<S>?, _ options: StartOptions) -> _SpawnRequest {
        let mailbox = options.mailbox ?? S.mailbox
        var request = _SpawnRequest(mailbox)
        request.trapsExits = S.trapsExits
        var extras: _ServerExtras?
        if let hibernatesAfter = options.hibernatesAfter ?? S.hibernatesAfter {
            extras = _ServerExtras()
            extras?.hibernatesAfter = max(1, hibernatesAfter._unsignedNanoseconds)
        }
        switch name?.storage {
        case nil: break
        case .local(let entry): request.name = entry
        case .via(let resolver):
            extras = extras ?? _ServerExtras()
            extras?.via = resolver
        }
        if let label = options.label {
            extras = extras ?? _ServerExtras()
            extras?.label = label
        }
        request.extras = extras
        return request
    }

    /// Makes the process, which begins at once; the starter waits for it then, as a task or blocking its thread.
    @inlinable
    mutating func spawn(_ argument: consuming S.Argument, isBlocking: Bool) -> Result<UInt64, StartError> {
        _Spawning.spawn(
            S.processClass, argument, request, in: core, reply: call.ref, waits: call.waits(isBlocking: isBlocking),
            monitor: &monitor
        ).mapError { StartError($0) }
    }

    /// After the answer: the reference, or why there is none.
    @inlinable
    func finish(_ pid: UInt64) throws(StartError) -> ServerRef<S> {
        switch call.takeOutcome() {
        case .value: return ServerRef(_pid: Pid(raw: pid))
        case .nameTaken(let holder): throw .alreadyStarted(Pid(raw: holder))
        case .timeout: throw .timeout
        case .exited(let reason):
            if let error = reason.value as? StartError { throw error }
            throw .exited(ExitReason(reason))
        case .cancelled: throw .exited(.killed)
        case .noProcess, .shutDown: throw .shutDown
        case .overloaded, .granted, .callingSelf, .cycle: throw .systemLimit
        }
    }

    /// Kills what is left of the process after a failure; whether anything is: its end must be awaited.
    ///
    /// The starter hears of the failure by its error alone: its tie is given up, with what it said (R2).
    @usableFromInline
    func mustEnd(_ error: StartError, _ pid: UInt64) -> Bool {
        switch request.ties {
        case .none: break
        case .link: _Tie.unlink(request.starter, from: pid)
        case .monitor: _ = _Tie.demonitor(monitor)
        }
        _Post.kill(pid)
        return _Post.isThere(pid)
    }
}

/// What ties a new server to the process that starts it.
@usableFromInline
struct _StartTie {
    @usableFromInline let ties: _StartTies
    @usableFromInline let starter: Pid

    @usableFromInline
    init(_ ties: _StartTies, to starter: Pid) { (self.ties, self.starter) = (ties, starter) }

    /// With the current process; traps outside one.
    @usableFromInline
    init(_ ties: _StartTies, _ what: StaticString, _ file: StaticString, _ line: UInt) {
        self.ties = ties
        starter = Pid.ofCaller(what, file, line)
    }
}
