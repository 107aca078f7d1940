// SPDX-License-Identifier: Apache-2.0
// State migration (`code_change`): not code loading, the new type is in the same program.

extension Sys where S: Server {
    /// Makes the server one of type `New`, keeping pid, names, mailbox, links, monitors and timers.
    ///
    /// Works on a running server and on a suspended one, which stays so. Calls that wait for a reply still get it from
    /// whoever has their `From`. References of the old type stay valid, as the messages are the same types; what they call
    /// in place is queued. What `S` declared at the start holds on: the bound of the mailbox, trapping, hibernation. A
    /// supervisor restarts what it started: the old type.
    ///
    /// OTP: `sys:change_code/4`.
    ///
    /// - Parameters:
    ///   - new: the type it becomes: a ``GenServer`` or an ``AsyncGenServer``, as the old one. Traps for a behaviour that is
    ///     run by an engine of another type: a `StateMachine` has a `changeCode` of its own, with its state.
    ///   - file: where the trap is reported; the caller's by default.
    ///   - line: where the trap is reported; the caller's by default.
    ///   - migrate: makes the new state of the old one, in the server. If it throws, the server goes on as it was.
    /// - Returns: a reference of the new type, to the same process.
    /// - Throws: what `migrate` throws; ``CallError``.
    public nonisolated(nonsending) func changeCode<New: Server & ~Copyable>(
        to new: New.Type, file: StaticString = #fileID, line: UInt = #line,
        _ migrate: @escaping @Sendable (consuming S) throws -> New
    ) async throws -> ServerRef<New>
    where New.Call == S.Call, New.Cast == S.Cast, New.Message == S.Message {
        Self.check(S.processClass, file, line)
        Self.check(New.processClass, file, line)
        try await become(New.processClass, migrate)
        return ServerRef(_pid: pid)
    }

    /// The same for an engine, which runs a server of the type that `processClass` is of.
    nonisolated(nonsending) func become<New: Server & ~Copyable>(
        _ processClass: _ProcessClass, _ migrate: @escaping @Sendable (consuming S) throws -> New
    ) async throws {
        let failure = try await change { slice, state in
            guard let place = _State<_ServerState<New>>.room() else { return .refused }
            do {
                let made = try migrate(state.value.server)
                place.put(_ServerState(server: made, extras: state.value.extras))
            } catch {
                place.free()
                return .kept(error)
            }
            state.destroy()
            return .state(processClass, place.address, destroy: { place.destroy() })
        }
        if let failure { throw failure }
    }
}

extension Sys where S: Server & ~Copyable {
    /// Makes a server whose state cannot be copied one of type `New`: the migration has the old state for good.
    ///
    /// Else as for states that can be copied: pid, names, mailbox, links, monitors and timers stay (`sys:change_code/4`).
    ///
    /// - Parameters:
    ///   - new: the type it becomes: a ``GenServer`` or an ``AsyncGenServer``, as the old one. Traps for a behaviour that is
    ///     run by an engine of another type: a `StateMachine` has a `changeCode` of its own, with its state.
    ///   - file: where the trap is reported; the caller's by default.
    ///   - line: where the trap is reported; the caller's by default.
    ///   - migrate: makes the new state of the old one, in the server. If it throws, the server ends with that error, without
    ///     `terminate`: the old state is gone.
    /// - Returns: a reference of the new type, to the same process.
    /// - Throws: ``CallError`` as the other functions; `exited` with the error that `migrate` threw.
    public nonisolated(nonsending) func changeCode<New: Server & ~Copyable>(
        to new: New.Type, file: StaticString = #fileID, line: UInt = #line,
        _ migrate: @escaping @Sendable (consuming S) throws -> New
    ) async throws(CallError) -> ServerRef<New>
    where New.Call == S.Call, New.Cast == S.Cast, New.Message == S.Message {
        Self.check(S.processClass, file, line)
        Self.check(New.processClass, file, line)
        try await become(New.processClass, migrate)
        return ServerRef(_pid: pid)
    }

    /// The same for an engine, which runs a server of the type that `processClass` is of.
    nonisolated(nonsending) func become<New: Server & ~Copyable>(
        _ processClass: _ProcessClass, _ migrate: @escaping @Sendable (consuming S) throws -> New
    ) async throws(CallError) {
        _ = try await change { slice, state in
            guard let place = _State<_ServerState<New>>.room() else { return .refused }
            let extras = state.value.extras
            let old = state.take().server
            state.free()
            do {
                place.put(_ServerState(server: try migrate(old), extras: extras))
            } catch {
                place.free()
                return .lost(error)
            }
            return .state(processClass, place.address, destroy: { place.destroy() })
        }
    }

    private static func check(_ processClass: _ProcessClass, _ file: StaticString, _ line: UInt) {
        precondition(
            processClass.runsItself,
            "expected a GenServer or an AsyncGenServer, got \(processClass.name), which has an engine; "
                + "a StateMachine becomes another one by changeCode(to:state:_:)",
            file: file, line: line)
    }

    /// What the migration threw, if the server goes on as it was.
    private nonisolated(nonsending) func change(
        _ body: @escaping @Sendable (_Slice, _State<_ServerState<S>>) -> _Successor
    ) async throws(CallError) -> (any Error)? {
        try await ask { _ in _SystemCommand(ofServer: _CodeCommand<S>(body)) }
    }
}
