// SPDX-License-Identifier: Apache-2.0
// Starting servers from Swift tasks and async handlers.

extension Server where Self: ~Copyable {
    /// Starts a server and returns when its `init` has (R1).
    ///
    /// The name is registered before `init`; when this throws, the name is free again.
    ///
    /// OTP: `gen_server:start/4`.
    ///
    /// - Parameters:
    ///   - argument: what `init` takes.
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    /// - Returns: the reference.
    /// - Throws: ``StartError``: `alreadyStarted` with the holder of the name, `ignored`, `failed`, `exited`, `timeout`,
    ///   `systemLimit`, `shutDown`.
    @inlinable
    public nonisolated(nonsending) static func start(
        _ argument: Argument, name: ServerName<Self>? = nil, options: StartOptions = StartOptions()
    ) async throws(StartError) -> ServerRef<Self> { try await _start(argument, name, options, nil).0 }

    /// `runsHere`: the new process may run inside of this, and neither a cancellation nor a time is heard meanwhile.
    @inlinable
    nonisolated(nonsending) static func _start(
        _ argument: Argument, _ name: ServerName<Self>?, _ options: StartOptions, _ tie: _StartTie?,
        runsHere: Bool = false
    ) async throws(StartError) -> (ServerRef<Self>, MonitorRef) {
        var launch = try _Launch<Self>(name, options, tie)
        let call = launch.call
        var spawned: Result<UInt64, StartError>
        if !runsHere, call.isNudged, !Task.isCancelled {
            spawned = .failure(.systemLimit)
            await call.startNudged {
                spawned = launch.spawn(argument, isBlocking: false)
                if case .failure = spawned { return false }
                return true
            }
        } else {
            spawned = launch.spawn(argument, isBlocking: false)
            if runsHere, case .success(let pid) = spawned { call.runHere(pid) }
            if !call.isDone { call.armDeadline() }
        }
        switch spawned {
        case .failure(let error):
            call.discard()
            throw error
        case .success(let pid):
            if !call.isDone {
                await withTaskCancellationHandler {
                    await call.waitShared()
                } onCancel: {
                    call.cancel()
                }
            }
            do { return (try launch.finish(pid), MonitorRef(raw: launch.monitor)) } catch {
                // The starter hears of a failure only when nothing of the process is left.
                if launch.mustEnd(error, pid) { await _awaitEnd(pid) }
                throw error
            }
        }
    }
}

/// Until nothing of a failed start is left, whatever the starter's task is told meanwhile.
@usableFromInline
nonisolated(nonsending) func _awaitEnd(_ pid: UInt64) async { await Pid(raw: pid).waitForExitUncancelled() }

extension Server where Self: ~Copyable, Argument == Void {
    /// Starts a server and returns when its `init` has (R1).
    ///
    /// - Parameters:
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    /// - Returns: the reference.
    /// - Throws: ``StartError``.
    @inlinable
    public nonisolated(nonsending) static func start(
        name: ServerName<Self>? = nil, options: StartOptions = StartOptions()
    ) async throws(StartError) -> ServerRef<Self> { try await start((), name: name, options: options) }
}
