// SPDX-License-Identifier: Apache-2.0
// The end of a runtime, from a thread of its own: it waits for processes and joins workers, so it can be neither.

internal import CMartlet
internal import Glibc

extension Runtime {
    /// Closes the door, asks every process to stop, waits, kills what is left, joins the threads.
    ///
    /// Blocks; once.
    ///
    /// - Parameters:
    /// - deadline: nanoseconds until the kill.
    /// - ask: asks one process to stop; false: not yet.
    /// - stuck: is shown each process that is still there at the deadline, before its kill.
    func stopBlocking(deadline: UInt64, ask: (UInt64) -> Bool, stuck: (UInt64) -> Void) {
        _ = unsafe mt_runtime_close(core.pointer)
        let end = mt_instant_after(mt_env_system_now(), deadline)
        if !askUntilEmpty(until: end, ask) {
            for pid in pids {
                stuck(pid)
                _Post.kill(pid)
            }
            _ = unsafe mt_runtime_wait_empty(core.pointer, mt_instant_after(mt_env_system_now(), Self.graceAfterKill))
        }
        _ = unsafe mt_runtime_stop(core.pointer, mt_instant_after(mt_env_system_now(), Self.graceAfterKill))
        context.hold(nil)
    }

    /// A process whose start was under way when the door closed shows up late: looks again now and then, each process
    /// is asked once.
    ///
    /// False: some are left at the end.
    private func askUntilEmpty(until end: UInt64, _ ask: (UInt64) -> Bool) -> Bool {
        var asked: Set<UInt64> = []
        var look: UInt64 = 1_000_000
        while true {
            for pid in pids where !asked.contains(pid) && ask(pid) { asked.insert(pid) }
            let next = min(end, mt_instant_after(mt_env_system_now(), look))
            if unsafe mt_runtime_wait_empty(core.pointer, next) { return true }
            if mt_env_system_now() >= end { return false }
            look *= 4
        }
    }

    /// What killed processes and ending threads are given before they are left behind: 1 s.
    private static let graceAfterKill: UInt64 = 1_000_000_000

    /// All live processes.
    var pids: [UInt64] {
        final class List {
            var pids: [UInt64] = []
        }
        let list = List()
        unsafe mt_runtime_for_each(
            core.pointer,
            { list, pid in
                guard let list = unsafe list else { return }
                unsafe Unmanaged<List>.fromOpaque(list).takeUnretainedValue().pids.append(pid)
            }, Unmanaged.passUnretained(list).toOpaque())
        return withExtendedLifetime(list) { list.pids }
    }
}

/// A thread for one piece of blocking work.
enum _OwnThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread and suspends until it has ended.
    ///
    /// Where the system refuses a thread it runs here.
    nonisolated(nonsending) static func run(_ body: @escaping @Sendable () -> Void) async {
        unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let work = Work {
                body()
                unsafe _Waiter(continuation).resume()
            }
            let pointer = unsafe Unmanaged.passRetained(work).toOpaque()
            var thread = pthread_t()
            let failed = unsafe pthread_create(
                &thread, nil,
                { pointer in
                    if let pointer = unsafe pointer {
                        unsafe Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
                    }
                    return nil
                }, pointer)
            if failed == 0 {
                pthread_detach(thread)
            } else {
                unsafe Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
            }
        }
    }
}
