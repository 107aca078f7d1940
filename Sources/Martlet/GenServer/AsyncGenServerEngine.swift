// SPDX-License-Identifier: Apache-2.0
// The loop of a server whose callbacks may suspend. It runs in a carrier: a task that owns the process for one burst of
// messages (Runtime/Carrier.swift). Beside that it does what the synchronous engine does, in the same order.
//
//     worker: a slice --> carrier: [ poll -> callback -> follow Next ]* --mailbox empty--> idle, no task
//                                      |
//                                      +--stop, throw, kill--> exit, here; a worker drains what is queued

@usableFromInline
enum _AsyncGenServerEngine<E: AsyncGenServer & ~Copyable> {
    @usableFromInline typealias State = _State<_ServerState<E>>
    @usableFromInline typealias Exit = _ServerExit<E>

    /// One slice on a worker: a carrier takes over, or the process ends.
    @inlinable
    static func run(_ worker: _Slice) -> _Run {
        // A parent's signal is heard by `terminate`, which a carrier runs.
        if worker.kind == .die, !worker.diesByParent { return die(worker) }
        _Carrier.begin(worker) { await serve($0) }
        return .left
    }

    /// Bursts of processes of this type, in a carrier; false: one was taken away, and the carrier's task with it.
    ///
    /// One function, so that a message which needs nothing rare is one `await`.
    @inlinable
    nonisolated(nonsending) static func serve(_ carrier: _Carrier) async -> Bool {
        let slice = carrier.slice
        repeat {
            var ended: _Run?
            let state: State
            if let address = carrier.settle() {
                state = State(address)
                if slice.kind == .die {
                    ended = await die(slice, state)
                } else if let pending = slice.takePending() {
                    ended = await act(on: pending, slice, state)
                }
            } else if let made = await start(carrier, slice, &ended) {
                state = made
            } else {
                if case .abandoned = ended { return false }
                carrier.finish()
                continue
            }
            burst: while ended == nil {
                let kind = slice.poll()
                let next: Next
                do {
                    switch kind {
                    case .call:
                        let call = slice.take(E.Call.self)
                        if state.value.extras != nil { _ServerExtras.messageCame(state, slice, call) }
                        slice.enterLong(call: slice.reply)
                        next = try await state.value.server.handleCall(call)
                    case .cast:
                        let cast = slice.take(E.Cast.self)
                        if state.value.extras != nil { _ServerExtras.messageCame(state, slice, cast) }
                        slice.enterLong(.cast)
                        next = try await state.value.server.handleCast(cast)
                    case .none:
                        if carrier.giveBack() { break burst }
                        continue
                    case .yield:
                        carrier.yield()
                        break burst
                    case .die:
                        ended = await die(slice, state)
                        continue
                    default:
                        ended = await rare(kind, slice, state)
                        if case .left = ended {
                            // Of another type from here on: a worker runs its engine.
                            carrier.become()
                            break burst
                        }
                        continue
                    }
                } catch {
                    ended = await crash(error, slice, state)
                    continue
                }
                guard slice.leaveLong() else {
                    ended = Exit.abandon(slice, state)
                    continue
                }
                if case .wait = next._kind, state.value.extras == nil { continue }
                ended = await follow(next, slice, state)
            }
            if case .abandoned = ended { return false }
            if case .exited = ended { carrier.finish() }
        } while await carrier.rest()
        return true
    }

    /// Infos, idle timeouts and stops.
    @inlinable
    nonisolated(nonsending) static func rare(_ kind: _Kind, _ slice: _Slice, _ state: State) async -> _Run? {
        let info: Info<E.Message>
        switch kind {
        case .message: info = .message(slice.take(E.Message.self))
        case .tick: info = .message(slice.take(_Tick<E.Message>.self).message)
        case .unexpected: info = .unexpected(slice.take((any Sendable).self))
        case .timeout: return await timeout(slice, state)
        case .exit:
            // The parent's ends the server in good order (R11), others are information (R12).
            let news = slice.takeNews()
            let reason = ExitReason(news.reason)
            if news.from != 0, news.from == slice.parent { return await exit(reason, slice, state) }
            info = .exit(Pid(raw: news.from), reason)
        case .down:
            let news = slice.takeNews()
            info = .down(MonitorRef(raw: news.tie), Pid(raw: news.from), ExitReason(news.reason))
        case .stop:
            let reason = slice.take(_Reason.self)
            slice.defer_(slice.reply)
            return await exit(ExitReason(reason), slice, state)
        case .system: return _ServerSystem<E>.perform(slice, state, isLong: true)
        default: return nil
        }
        if state.value.extras != nil { _ServerExtras.messageCame(state, slice, info) }
        return await tell(info, kind, slice, state)
    }

    @inlinable
    nonisolated(nonsending) static func tell(
        _ info: Info<E.Message>, _ kind: _Kind, _ slice: _Slice, _ state: State
    ) async -> _Run? {
        slice.enterLong(kind)
        let next: Next
        do { next = try await state.value.server.handleInfo(info) } catch { return await crash(error, slice, state) }
        guard slice.leaveLong() else { return Exit.abandon(slice, state) }
        return await follow(next, slice, state)
    }

    /// Does what a callback returned; nil: go on with the next message.
    ///
    /// Between callbacks, in BUSY.
    @inlinable
    nonisolated(nonsending) static func follow(_ first: Next, _ slice: _Slice, _ state: State) async -> _Run? {
        if let debug = state.value.extras?.debug,
            let run = _ServerSystem<E>.tell(debug, slice, state, isLong: true)
        {
            return run
        }
        var next = first
        while true {
            switch next._kind {
            case .wait:
                _ServerExtras.settle(state, slice)
                return nil
            case .idle(let nanoseconds):
                _ServerExtras.waitIdle(nanoseconds, state, slice)
                return nil
            case .hibernate: return hibernate(slice, state)
            case .stop(let reason): return await exit(reason, slice, state)
            case .proceed:
                // The loop's next look ends it; a chain that never comes there could not be killed.
                if slice.isDoomed { return nil }
                slice.enterLong(.continuation)
                do { next = try await state.value.server.handleContinue() } catch {
                    return await crash(error, slice, state)
                }
                guard slice.leaveLong() else { return Exit.abandon(slice, state) }
            }
        }
    }
}
