// SPDX-License-Identifier: Apache-2.0
// How a behaviour is run by the GenServer engine: the extension point of behaviours.

/// A type about to be run as a server of type `S`.
///
/// Hand it to exactly one `serve`.
///
/// OTP: `gen:start/6` with the module of the behaviour.
public struct ServerBoot<S: Server & ~Copyable>: ~Copyable {
    @usableFromInline typealias Engine = (stateSize: Int, runsItself: Bool, run: @Sendable (_Slice) -> _Run)

    /// Takes the engine, the size of its state, and whether that is an `S`.
    @usableFromInline let install: (Engine) -> Void

    @usableFromInline
    init(install: @escaping (Engine) -> Void) { self.install = install }

    /// Runs `engine`, which stands in for `S`: same messages, its own state around the user's.
    ///
    /// - Parameter engine: the GenServer that handles the messages.
    @inlinable
    public consuming func serve<E: GenServer & ~Copyable>(_ engine: E.Type)
    where E.Argument == S.Argument, E.Call == S.Call, E.Cast == S.Cast, E.Message == S.Message {
        install(
            (MemoryLayout<_ServerState<E>>.size, _isSame(E.self, S.self), { slice in _GenServerEngine<E>.run(slice) }))
    }

    /// Runs `engine`, whose callbacks suspend, and which stands in for `S`: same messages, its own state around the user's.
    ///
    /// - Parameter engine: the AsyncGenServer that handles the messages.
    @inlinable
    public consuming func serve<E: AsyncGenServer & ~Copyable>(_ engine: E.Type)
    where E.Argument == S.Argument, E.Call == S.Call, E.Cast == S.Cast, E.Message == S.Message {
        install(
            (
                MemoryLayout<_ServerState<E>>.size, _isSame(E.self, S.self),
                { slice in _AsyncGenServerEngine<E>.run(slice) }
            ))
    }
}

extension Server where Self: ~Copyable {
    /// The class of processes of this type.
    @inlinable static var processClass: _ProcessClass {
        _ProcessClass.of(Self.self, isServer: true) {
            var booted: ServerBoot<Self>.Engine?
            _boot(ServerBoot { booted = $0 })
            guard let booted else {
                preconditionFailure("expected \(_shortTypeName(Self.self))._boot to call serve, got nothing to run")
            }
            return (_traits(stateSize: booted.stateSize, runsItself: booted.runsItself), booted.run)
        }
    }

    /// What reports say of processes of this type.
    @usableFromInline
    static func _traits(stateSize: Int, runsItself: Bool) -> _ClassTraits {
        func name<T>(_ type: T.Type) -> String? { type == Never.self ? nil : _shortTypeName(type) }
        return _ClassTraits(
            name: _shortTypeName(Self.self), call: name(Call.self), cast: name(Cast.self), message: name(Message.self),
            stateSize: stateSize, runsItself: runsItself,
            messageSize: max(MemoryLayout<Call>.size, MemoryLayout<Cast>.size, MemoryLayout<Message>.size))
    }
}
