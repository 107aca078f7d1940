// SPDX-License-Identifier: Apache-2.0
// A look at the state of a server, on its way to the value it is for: the server itself, or the one that the engine of a
// behaviour runs.

/// What somebody asks of a state through `sys`; used by the engines of behaviours only.
public struct _StateVisitor {
    let command: any Sendable
    let reply: UInt64

    /// Shows a value, which may be changed.
    ///
    /// - Parameter value: the value.
    /// - Returns: false: one of another type is wanted.
    public func visit<S: Server & ~Copyable>(_ value: inout S) -> Bool {
        guard let command = command as? _StateCommand<S> else { return false }
        command.look(&value, reply)
        return true
    }
}

/// User code with the state of a server of one type; it answers the reply slot.
final class _StateCommand<S: Server & ~Copyable>: Sendable {
    let look: @Sendable (inout S, UInt64) -> Void

    init(_ look: @escaping @Sendable (inout S, UInt64) -> Void) { self.look = look }
}
