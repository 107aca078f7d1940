// SPDX-License-Identifier: Apache-2.0
// How a behaviour is run by the GenServer engine: the extension point of behaviours.

/// A type about to be run as a server of type `S`.
///
/// Hand it to exactly one `serve`.
public struct ServerBoot<S: Server & ~Copyable>: ~Copyable {
    @usableFromInline let install: (@escaping @Sendable (_Slice) -> _Run) -> Void

    @usableFromInline
    init(install: @escaping (@escaping @Sendable (_Slice) -> _Run) -> Void) { self.install = install }

    /// Runs `engine`, which stands in for `S`: same messages, its own state around the user's.
    ///
    /// - Parameter engine: the GenServer that handles the messages.
    @inlinable
    public consuming func serve<E: GenServer & ~Copyable>(_ engine: E.Type)
    where E.Argument == S.Argument, E.Call == S.Call, E.Cast == S.Cast, E.Message == S.Message {
        install { slice in _GenServerEngine<E>.run(slice) }
    }

    /// The same for an engine whose callbacks suspend.
    ///
    /// - Parameter engine: the AsyncGenServer that handles the messages.
    @inlinable
    public consuming func serve<E: AsyncGenServer & ~Copyable>(_ engine: E.Type)
    where E.Argument == S.Argument, E.Call == S.Call, E.Cast == S.Cast, E.Message == S.Message {
        install { slice in _AsyncGenServerEngine<E>.run(slice) }
    }
}

extension Server where Self: ~Copyable {
    /// The class of processes of this type.
    @inlinable static var processClass: _ProcessClass {
        _ProcessClass.of(Self.self, isServer: true) {
            var run: (@Sendable (_Slice) -> _Run)?
            _boot(ServerBoot { run = $0 })
            guard let run else {
                preconditionFailure("expected \(_shortTypeName(Self.self))._boot to call serve, got nothing to run")
            }
            return (_shortTypeName(Self.self), run)
        }
    }
}
