// SPDX-License-Identifier: Apache-2.0
// Idle timeouts and hibernation of the GenServer engine (R7, R9).

extension _GenServerEngine where E: ~Copyable {
    /// The idle timer fired.
    @usableFromInline
    static func timeout(_ slice: _Slice, _ state: State) -> _Run? {
        guard slice.idleTimerFired(), let extras = state.value.extras else { return nil }
        switch extras.takeDue(slice) {
        case .timeout:
            extras.debug?.came(.info("timeout"), slice)
            return tell(.timeout, slice, state)
        case .hibernation: if let run = hibernate(slice, state) { return run }
        case .nothing: break
        }
        extras.arm(slice)
        return nil
    }

    private static func tell(_ info: Info<E.Message>, _ slice: _Slice, _ state: State) -> _Run? {
        slice.enter(.timeout)
        let next: Next
        do { next = try state.value.server.handleInfo(info) } catch { return crash(error, slice, state) }
        guard slice.leave() else { return Exit.abandon(slice, state) }
        return follow(next, slice, state)
    }

    /// Gives memory back and waits.
    @usableFromInline
    static func hibernate(_ slice: _Slice, _ state: State) -> _Run? {
        slice.enter(.hibernation)
        state.value.server.hibernate()
        guard slice.leave() else { return Exit.abandon(slice, state) }
        _ServerExtras.hibernates(state, slice)
        return nil
    }
}
