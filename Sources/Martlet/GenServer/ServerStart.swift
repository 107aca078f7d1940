// SPDX-License-Identifier: Apache-2.0
// A start that is done again and again, as a supervisor does: one object, whatever the type of the server.

/// The start of a server, to be done again and again, with its type erased.
protocol RepeatedStart: AnyObject, Sendable {
    /// Starts it, linked with the current process.
    nonisolated(nonsending) func link() async throws(StartError) -> Pid
    /// Starts it, linked with a process that does nothing else until it has its answer: `init` may run inside of this.
    nonisolated(nonsending) func link(to starter: Pid) async throws(StartError) -> Pid
    /// Starts it, linked with the process whose handler this is, and does not wait for its `init`; nil: it must be waited
    /// for, as who launches hears neither of a name that is taken nor of a time that is over.
    ///
    /// - Parameter notice: told how that went. Not if a signal ends the process before: then the link tells. A failure that
    ///   ends it `.normal` is told behind the exit.
    func launch(by starter: Pid, _ notice: @escaping _Starter.Notice) -> Result<Pid, StartError>?
}

/// Of servers of one type, with one argument.
final class ServerStart<S: Server & ~Copyable>: RepeatedStart {
    private let argument: S.Argument
    private let name: ServerName<S>?
    private let options: StartOptions

    init(_ argument: S.Argument, _ name: ServerName<S>?, _ options: StartOptions) {
        (self.argument, self.name, self.options) = (argument, name, options)
    }

    nonisolated(nonsending) func link() async throws(StartError) -> Pid {
        try await S.startLink(argument, name: name, options: options).pid
    }

    nonisolated(nonsending) func link(to starter: Pid) async throws(StartError) -> Pid {
        let tie = _StartTie(.link, to: starter)
        return try await S._start(argument, name, options, tie, runsHere: options.timeout == nil).0.pid
    }

    func launch(by starter: Pid, _ notice: @escaping _Starter.Notice) -> Result<Pid, StartError>? {
        if case .local? = name?.storage { return nil }
        if options.timeout != nil { return nil }
        var request = _Launch<S>.request(name, options).tied(by: .link, to: starter)
        let extras = request.extras as? _ServerExtras ?? _ServerExtras()
        extras.notice = notice
        request.extras = extras
        let core = options.runtime?.core ?? Runtime.currentCore
        return _Spawning.spawn(S.processClass, argument, request, in: core, reply: 0)
            .map { Pid(raw: $0) }.mapError { StartError($0) }
    }
}
