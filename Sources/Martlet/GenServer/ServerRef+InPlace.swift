// SPDX-License-Identifier: Apache-2.0
// A call that runs its handler on this thread (`.caller`): no queue, no node, no switch. What is not the common case -
// another Next than `.wait`, a throw, a server with idle times - is left to a worker; a reply that has not come is
// waited for like any other.

extension ServerRef where S: ~Copyable {
    @inlinable @inline(__always)
    func _runInPlace<Reply: Sendable>(
        _ timeout: UInt64, _ request: (From<Reply>) -> Call
    ) -> _InPlaceResult<Reply> {
        var call = _InPlace()
        guard call.begin(pid.raw, S.self, timeout: _CurrentProcess.limited(timeout)) else { return .no }
        let ref = call.reply
        let outcome: _InPlaceOutcome.Kind
        do {
            let next = try S._handleInPlace(call.state, request(From(raw: ref)))
            if case .wait = next._kind, _State<_ServerState<S>>(call.state).value.extras == nil {
                guard call.end() else { return _abandonInPlace(&call, nil) }
                if let reply = _Call.takeReply(Reply.self, ifDone: ref) { return .reply(reply) }
                return .waiting(ref)
            }
            outcome = .next(next)
        } catch {
            outcome = .thrown(error)
        }
        return _leaveToWorker(&call, outcome)
    }

    /// Leaves what the handler asked for to a worker.
    @usableFromInline
    func _leaveToWorker<Reply>(_ call: inout _InPlace, _ kind: _InPlaceOutcome.Kind) -> _InPlaceResult<Reply> {
        var unanswered: UInt64 = 0
        var site: [UInt] = []
        if case .thrown(let error) = kind {
            unanswered = call.takeCall()
            site = _ThrowSite.take(error)
        }
        let outcome = _InPlaceOutcome(kind: kind, parked: call.takeParked(), call: unanswered, site: site)
        guard call.end(pending: outcome) else { return _abandonInPlace(&call, outcome.parked) }
        return .waiting(call.reply)
    }

    /// The process was taken away by a kill: the state is this thread's to end, and a parked reply fails.
    @usableFromInline
    func _abandonInPlace<Reply>(_ call: inout _InPlace, _ parked: _ParkedReply?) -> _InPlaceResult<Reply> {
        parked?.fail()
        _State<_ServerState<S>>(call.state).destroy()
        return .waiting(call.reply)
    }
}
