// SPDX-License-Identifier: Apache-2.0
// Links and monitors by raw pids, and the news they bring: a safe face on the core's ties.

internal import CMartlet

/// What an exit signal or the end of a watched process says.
@usableFromInline
struct _News {
    @usableFromInline let reason: _Reason
    /// The tie that spoke, 0: a signal without a link.
    @usableFromInline let tie: UInt64
    /// Who ended, or sent the signal; 0: nobody's code.
    @usableFromInline let from: UInt64

    /// Moves it out of a message's payload.
    @unsafe
    init(taking payload: UnsafeMutableRawPointer) {
        let news = unsafe payload.load(as: mt_news_t.self)
        reason = unsafe _Reason.takeRetained(news.reason)
        tie = unsafe news.tie
        from = unsafe news.from
    }
}

/// What became of a tie.
enum _TieStatus {
    case tied, selfEnded, noMemory

    fileprivate init(_ status: mt_status_t) {
        switch status {
        case .ok: self = .tied
        case .noProcess: self = .selfEnded
        default: self = .noMemory
        }
    }
}

enum _Tie {
    /// Links two processes; a peer that has ended is a signal at once.
    static func link(_ own: UInt64, with peer: UInt64) -> _TieStatus {
        guard let thread = unsafe mt_thread_self() else { return .noMemory }
        return _TieStatus(unsafe mt_tie_link(thread, own, peer))
    }

    /// Gives a link up, with what it has said and nobody has read.
    @usableFromInline
    static func unlink(_ own: UInt64, from peer: UInt64) {
        guard let thread = unsafe mt_thread_self() else { return }
        unsafe mt_tie_unlink(thread, own, peer)
    }

    /// Watches a process from another; the reference of the tie, 0 where there is none.
    static func monitor(_ own: UInt64, _ peer: UInt64) -> (UInt64, _TieStatus) {
        guard let thread = unsafe mt_thread_self() else { return (0, .noMemory) }
        var tie: UInt64 = 0
        let status = unsafe mt_tie_monitor(thread, own, peer, &tie)
        return (tie, _TieStatus(status))
    }

    /// Gives a monitor up, with its news; false: it had fired.
    @usableFromInline
    static func demonitor(_ tie: UInt64) -> Bool {
        guard let thread = unsafe mt_thread_self() else { return false }
        return unsafe mt_tie_demonitor(thread, tie)
    }

    /// Hands news of a tie out; false: the tie was given up, and the news with it.
    static func read(_ pid: UInt64, _ tie: UInt64) -> Bool {
        guard let thread = unsafe mt_thread_self() else { return false }
        return unsafe mt_tie_read(thread, pid, tie)
    }

    /// Whether `read` would be true.
    static func isUnread(_ pid: UInt64, _ tie: UInt64) -> Bool { mt_tie_is_unread(pid, tie) }

    /// The processes at the other ends of live ties, newest first.
    static func peers(_ pid: UInt64, _ list: mt_tie_list_t) -> [UInt64] {
        var capacity = 16
        while true {
            let found = unsafe [UInt64](unsafeUninitializedCapacity: capacity) { buffer, count in
                count = Int(unsafe mt_tie_peers(pid, list, buffer.baseAddress, UInt32(capacity)))
            }
            if found.count < capacity { return found }
            capacity *= 4
        }
    }

    /// Linked processes.
    static func links(of pid: UInt64) -> [UInt64] { peers(pid, .links) }

    /// Processes that this one watches.
    static func watched(by pid: UInt64) -> [UInt64] { peers(pid, .watching) }

    /// Processes that watch this one.
    static func watchers(of pid: UInt64) -> [UInt64] { peers(pid, .watchedBy) }

    /// Whether exit signals are messages from now on.
    static func setTrap(_ pid: UInt64, _ traps: Bool) { _ = mt_process_set_trap(pid, traps) }

    static func traps(_ pid: UInt64) -> Bool { mt_pid_traps(pid) }
}

extension _Slice {
    /// Moves the news out of the current EXIT or DOWN message.
    @usableFromInline
    func takeNews() -> _News { unsafe _News(taking: pointer.pointee.payload) }

    /// Who started the process, 0: nobody's code.
    @usableFromInline var parent: UInt64 { unsafe mt_slot_parent(pointer.pointee.slot) }

    /// After `die`: whether the signal came from who started the process, and its state is still the engine's.
    @usableFromInline var diesByParent: Bool {
        let from = unsafe pointer.pointee.reason_from
        return from != 0 && from == parent && !stateIsHeld
    }
}
