// SPDX-License-Identifier: Apache-2.0
// How a behaviour is run by the GenServer engine: the extension point of behaviours.

/// A type about to be run as a server of type `S`.
///
/// Hand it to exactly one `serve`.
public struct ServerBoot<S: Server & ~Copyable>: ~Copyable {
    /// Takes the size of the state and the engine.
    @usableFromInline let install: (Int, @escaping @Sendable (_Slice) -> _Run) -> Void

    @usableFromInline
    init(install: @escaping (Int, @escaping @Sendable (_Slice) -> _Run) -> Void) { self.install = install }

    /// Runs `engine`, which stands in for `S`: same messages, its own state around the user's.
    ///
    /// - Parameter engine: the GenServer that handles the messages.
    @inlinable
    public consuming func serve<E: GenServer & ~Copyable>(_ engine: E.Type)
    where E.Argument == S.Argument, E.Call == S.Call, E.Cast == S.Cast, E.Message == S.Message {
        install(MemoryLayout<_ServerState<E>>.size) { slice in _GenServerEngine<E>.run(slice) }
    }

    /// The same for an engine whose callbacks suspend.
    ///
    /// - Parameter engine: the AsyncGenServer that handles the messages.
    @inlinable
    public consuming func serve<E: AsyncGenServer & ~Copyable>(_ engine: E.Type)
    where E.Argument == S.Argument, E.Call == S.Call, E.Cast == S.Cast, E.Message == S.Message {
        install(MemoryLayout<_ServerState<E>>.size) { slice in _AsyncGenServerEngine<E>.run(slice) }
    }
}

extension Server where Self: ~Copyable {
    /// The class of processes of this type.
    @inlinable static var processClass: _ProcessClass {
        _ProcessClass.of(Self.self, isServer: true) {
            var booted: (size: Int, run: @Sendable (_Slice) -> _Run)?
            _boot(ServerBoot { booted = ($0, $1) })
            guard let booted else {
                preconditionFailure("expected \(_shortTypeName(Self.self))._boot to call serve, got nothing to run")
            }
            return (_traits(stateSize: booted.size), booted.run)
        }
    }

    /// What reports say of processes of this type.
    @usableFromInline
    static func _traits(stateSize: Int) -> _ClassTraits {
        func name<T>(_ type: T.Type) -> String? { type == Never.self ? nil : _shortTypeName(type) }
        return _ClassTraits(
            name: _shortTypeName(Self.self), call: name(Call.self), cast: name(Cast.self), message: name(Message.self),
            stateSize: stateSize,
            messageSize: max(MemoryLayout<Call>.size, MemoryLayout<Cast>.size, MemoryLayout<Message>.size))
    }
}
