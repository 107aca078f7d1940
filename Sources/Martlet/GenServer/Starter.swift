// SPDX-License-Identifier: Apache-2.0
// Who hears of the end of `init`: somebody who waits on a reply slot, or a supervisor that goes on and is told.

@usableFromInline
struct _Starter {
    /// Tells how a start went, once; from the new process.
    @usableFromInline typealias Notice = @Sendable (Result<Pid, StartError>) -> Void

    @usableFromInline let reply: UInt64
    @usableFromInline let notice: Notice?

    @inlinable
    init(_ slice: _Slice, _ extras: AnyObject?) {
        reply = slice.reply
        notice = extras.flatMap { Self.takeNotice($0) }
    }

    @usableFromInline
    static func takeNotice(_ extras: AnyObject) -> Notice? {
        guard let extras = extras as? _ServerExtras else { return nil }
        defer { extras.notice = nil }
        return extras.notice
    }

    @inlinable
    func hasStarted(_ slice: _Slice) {
        _Answer.give((), to: reply)
        if let notice { notice(.success(Pid(raw: slice.pid))) }
    }

    @usableFromInline
    func hasFailed(_ error: StartError) {
        _Answer.fail(reply, with: _Reason(error))
        notice?(.failure(error))
    }
}

extension StartError {
    /// Why no process was made.
    @usableFromInline
    init(_ failure: _SpawnFailure) {
        switch failure {
        case .shutDown: self = .shutDown
        case .systemLimit: self = .systemLimit
        case .killed: self = .exited(.killed)
        }
    }
}
