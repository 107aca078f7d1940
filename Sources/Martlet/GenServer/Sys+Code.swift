// SPDX-License-Identifier: Apache-2.0
// State migration (`code_change`): not code loading, the new type is in the same program.

extension Sys where S: Server & ~Copyable {
    /// Makes the server one of type `New`, keeping pid, names, mailbox, links, monitors and timers.
    ///
    /// Works on a running server and on a suspended one, which stays so. Calls that wait for a reply still get it from
    /// whoever has their `From`. References of the old type stay valid, as the messages are the same types; what they call
    /// in place is queued. A supervisor restarts what it started: the old type.
    ///
    /// OTP: `sys:change_code/4`.
    ///
    /// - Parameters:
    ///   - new: the type it becomes.
    ///   - migrate: makes the new state of the old one, in the server. If it throws, the server ends with that error, without
    ///     `terminate`: the old state is gone.
    /// - Returns: a reference of the new type, to the same process.
    /// - Throws: ``CallError`` as the other functions; `exited` with the error that `migrate` threw.
    public nonisolated(nonsending) func changeCode<New: Server & ~Copyable>(
        to new: New.Type, _ migrate: @escaping @Sendable (consuming S) throws -> New
    ) async throws(CallError) -> ServerRef<New>
    where New.Call == S.Call, New.Cast == S.Cast, New.Message == S.Message {
        let processClass = New.processClass
        let change = _StateCommand<S>(
            .change { slice, state in
                let extras = state.value.extras
                let old = state.take().server
                state.free()
                do {
                    let made = _State.make(_ServerState<New>(server: try migrate(old), extras: extras), slice)
                    guard let made else { return .failed(StartError.systemLimit) }
                    return .state(processClass, made.address, destroy: { made.destroy() })
                } catch {
                    return .failed(error)
                }
            })
        let _: Void = try await ask { _ in _SystemCommand(ofServer: change) }
        return ServerRef(_pid: pid)
    }
}
