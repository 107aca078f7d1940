// SPDX-License-Identifier: Apache-2.0
// Who hears of the end of `init`: somebody who waits on a reply slot, or a supervisor that goes on and is told.

@usableFromInline
struct _Starter {
    /// Tells how a start went, once; from the new process.
    @usableFromInline typealias Notice = @Sendable (Result<Pid, StartError>) -> Void

    @usableFromInline let reply: UInt64
    @usableFromInline let notice: Notice?

    @inlinable
    init(_ slice: _Slice, _ extras: AnyObject?) {
        reply = slice.reply
        notice = extras.flatMap { Self.takeNotice($0) }
    }

    @usableFromInline
    static func takeNotice(_ extras: AnyObject) -> Notice? {
        guard let extras = extras as? _ServerExtras else { return nil }
        defer { extras.notice = nil }
        return extras.notice
    }

    @inlinable
    func hasStarted(_ slice: _Slice) {
        _Answer.give((), to: reply)
        if let notice { notice(.success(Pid(raw: slice.pid))) }
    }

    @usableFromInline
    func hasFailed(_ error: StartError) {
        _Answer.fail(reply, with: _Reason(error))
        notice?(.failure(error))
    }
}

extension Server where Self: ~Copyable {
    /// Whether `launch` can do this start: it hears neither of a name that is taken nor of a time that is over.
    static func canLaunch(_ name: ServerName<Self>?, _ options: StartOptions) -> Bool {
        if case .local? = name?.storage { return false }
        return options.timeout == nil
    }

    /// Starts a server linked with the process whose handler this is, and does not wait for its `init`.
    ///
    /// - Parameter notice: told how that went. Not if a signal ends the process before: then the link tells. A failure that
    ///   ends it `.normal` is told behind the exit.
    static func launch(
        _ argument: Argument, _ name: ServerName<Self>?, _ options: StartOptions, linkedWith starter: Pid,
        _ notice: @escaping _Starter.Notice
    ) -> Result<Pid, StartError> {
        var request = _Launch<Self>.request(name, options).tied(by: .link, to: starter)
        let extras = request.extras as? _ServerExtras ?? _ServerExtras()
        extras.notice = notice
        request.extras = extras
        let core = options.runtime?.core ?? Runtime.currentCore
        return _Spawning.spawn(processClass, argument, request, in: core, reply: 0)
            .map { Pid(raw: $0) }.mapError { StartError($0) }
    }
}

extension StartError {
    /// Why no process was made.
    @usableFromInline
    init(_ failure: _SpawnFailure) {
        switch failure {
        case .shutDown: self = .shutDown
        case .systemLimit: self = .systemLimit
        case .killed: self = .exited(.killed)
        }
    }
}
