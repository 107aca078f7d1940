// SPDX-License-Identifier: Apache-2.0
// What a handler that ran on its caller's thread leaves for a worker: anything but `.wait`. The exit protocol never runs
// on a caller's thread.

/// The unfinished business of an in-place call.
@usableFromInline
final class _InPlaceOutcome {
    @usableFromInline
    enum Kind {
        case next(Next)
        case thrown(any Error)
    }

    @usableFromInline let kind: Kind
    /// The reply of `reply(_:then: .stop)`.
    @usableFromInline let parked: _ParkedReply?
    /// The request, if a throw left it unanswered.
    @usableFromInline let call: UInt64
    /// Where the error was thrown: known on its thread alone.
    @usableFromInline let site: [UInt]

    @usableFromInline
    init(kind: Kind, parked: _ParkedReply?, call: UInt64, site: [UInt] = []) {
        self.kind = kind
        self.parked = parked
        self.call = call
        self.site = site
    }

    /// The process was killed before a worker came to it: a parked reply ends here, its call has failed.
    @usableFromInline
    static func drop(_ pending: AnyObject) { (pending as? _InPlaceOutcome)?.parked?.fail() }
}

extension _GenServerEngine where E: ~Copyable {
    /// Acts on it, before any queued message.
    @usableFromInline
    static func act(on pending: AnyObject, _ slice: _Slice, _ state: State) -> _Run? {
        guard let outcome = pending as? _InPlaceOutcome else { return nil }
        if state.value.extras != nil { _ServerExtras.messageCame(state, slice) }
        outcome.parked?.park(in: slice)
        switch outcome.kind {
        case .next(let next): return follow(next, slice, state)
        case .thrown(let error):
            slice.enter(call: outcome.call)
            return crash(error, at: outcome.site, slice, state)
        }
    }
}
