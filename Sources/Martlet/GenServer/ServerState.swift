// SPDX-License-Identifier: Apache-2.0
// What the engines keep of a server, whatever its callbacks are.

/// The state of one server between its messages.
@usableFromInline
struct _ServerState<E: ~Copyable>: ~Copyable {
    /// First: in-place callers find it at the address of the state.
    @usableFromInline var server: E
    /// Idle times and what else is rare; nil for most servers.
    @usableFromInline var extras: _ServerExtras?

    @usableFromInline
    init(server: consuming E, extras: _ServerExtras?) {
        self.server = server
        self.extras = extras
    }
}
