// SPDX-License-Identifier: Apache-2.0
// Code of a process outside of its own flow of control: how a supervisor starts a child and goes on with its work.

extension Pid {
    /// Runs `body` as code of this process: it is `Pid.current` in it, what it links is linked with it, what it starts has
    /// it for a parent.
    ///
    /// For a task of its own, beside the process: what the task waits for, the process does not. What belongs to the
    /// process's turn (its state, `receive`) is not there. When the process has ended, a start in `body` fails and its sends
    /// have no effect.
    nonisolated(nonsending) func acting<R>(_ body: () async -> R) async -> R { await _CurrentProcess.beside(raw, body) }
}
