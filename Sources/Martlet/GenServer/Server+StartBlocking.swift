// SPDX-License-Identifier: Apache-2.0
// The same starts from synchronous code. They block the thread; inside a handler another worker takes over.

extension Server where Self: ~Copyable {
    /// Starts a server and returns when its `init` has (R1).
    ///
    /// - Parameters:
    ///   - argument: what `init` takes.
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    /// - Returns: the reference.
    /// - Throws: ``StartError``.
    @available(*, noasync)
    public static func start(
        _ argument: Argument, name: ServerName<Self>? = nil, options: StartOptions = StartOptions()
    ) throws(StartError) -> ServerRef<Self> { try _startBlocking(argument, name, options, nil).0 }

    static func _startBlocking(
        _ argument: Argument, _ name: ServerName<Self>?, _ options: StartOptions, _ tie: _StartTie?
    ) throws(StartError) -> (ServerRef<Self>, MonitorRef) {
        var launch = try _Launch<Self>(name, options, tie)
        let call = launch.call
        switch launch.spawn(argument, isBlocking: true) {
        case .failure(let error):
            call.discard()
            throw error
        case .success(let pid):
            call.armDeadline()
            call.waitBlocking()
            do { return (try launch.finish(pid), MonitorRef(raw: launch.monitor)) } catch {
                if launch.mustEnd(error, pid) { Pid(raw: pid).waitForExitBlocking() }
                throw error
            }
        }
    }
}

extension Server where Self: ~Copyable, Argument == Void {
    /// Starts a server and returns when its `init` has (R1).
    ///
    /// - Parameters:
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    /// - Returns: the reference.
    /// - Throws: ``StartError``.
    @available(*, noasync)
    public static func start(
        name: ServerName<Self>? = nil, options: StartOptions = StartOptions()
    ) throws(StartError) -> ServerRef<Self> { try start((), name: name, options: options) }
}
