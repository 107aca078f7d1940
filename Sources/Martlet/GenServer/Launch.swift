// SPDX-License-Identifier: Apache-2.0
// What the asynchronous and the blocking start share: the request for a process, and what its answer means.

@safe
@usableFromInline
struct _Launch<S: Server & ~Copyable>: ~Copyable {
    /// Hears of the end of `init`.
    @usableFromInline let call: _Call
    @usableFromInline let core: _Core
    @usableFromInline let request: _SpawnRequest

    @inlinable
    init(_ name: ServerName<S>?, _ options: StartOptions) throws(StartError) {
        core = options.runtime?.core ?? Runtime.currentCore
        request = Self.request(name, options)
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
        request.extras = extras
        return request
    }

    @inlinable
    func spawn(_ argument: consuming S.Argument) -> Result<UInt64, StartError> {
        _Spawning.spawn(S.processClass, argument, request, in: core, reply: call.ref).mapError { failure in
            switch failure {
            case .shutDown: .shutDown
            case .systemLimit: .systemLimit
            }
        }
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
        case .overloaded, .granted, .callingSelf: throw .systemLimit
        }
    }

    /// Kills what is left of the process after a failure; whether anything is: its end must be awaited.
    @usableFromInline
    func mustEnd(_ error: StartError, _ pid: UInt64) -> Bool {
        _Post.kill(pid)
        return _Post.isThere(pid)
    }
}
