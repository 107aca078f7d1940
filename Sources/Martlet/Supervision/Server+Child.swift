// SPDX-License-Identifier: Apache-2.0
// Every server is a child: `Counter.child(0, name: Counter.name)`.

extension Server where Self: ~Copyable {
    /// This server as a child of a supervisor (`child_spec/1`).
    ///
    /// - Parameters:
    ///   - argument: what `init` takes, at each start.
    ///   - id: unique in the supervisor; by default the type's name.
    ///   - name: the name each incarnation registers before `init`; by default none.
    ///   - restart: when it is started again; by default always.
    ///   - shutdown: how it is stopped; by default exit `.shutdown`, and a kill after 5 s.
    ///   - options: the settings of each start.
    /// - Returns: the spec.
    public static func child(
        _ argument: Argument, id: ChildID? = nil, name: ServerName<Self>? = nil,
        restart: ChildSpec.Restart = .permanent,
        shutdown: ChildSpec.Shutdown = .after(.seconds(5)), options: StartOptions = StartOptions()
    ) -> ChildSpec {
        let server = ServerStart(argument, name, options)
        var spec = ChildSpec(id: id ?? ChildID(processClass.name), restart: restart, shutdown: shutdown) {
            try await server.link()
        }
        spec.server = server
        spec.isLinked = true
        return spec
    }
}

extension Server where Self: ~Copyable, Argument == Void {
    /// This server as a child of a supervisor (`child_spec/1`).
    ///
    /// - Parameters:
    ///   - id: unique in the supervisor; by default the type's name.
    ///   - name: the name each incarnation registers before `init`; by default none.
    ///   - restart: when it is started again; by default always.
    ///   - shutdown: how it is stopped; by default exit `.shutdown`, and a kill after 5 s.
    ///   - options: the settings of each start.
    /// - Returns: the spec.
    public static func child(
        id: ChildID? = nil, name: ServerName<Self>? = nil, restart: ChildSpec.Restart = .permanent,
        shutdown: ChildSpec.Shutdown = .after(.seconds(5)), options: StartOptions = StartOptions()
    ) -> ChildSpec {
        child((), id: id, name: name, restart: restart, shutdown: shutdown, options: options)
    }
}
