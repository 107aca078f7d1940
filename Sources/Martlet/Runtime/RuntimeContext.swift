// SPDX-License-Identifier: Apache-2.0
// The Swift side of one core runtime: what its threads reach through an opaque pointer. Immortal, as the core's own
// struct is: a late sender may still hold it.

internal import CMartlet
internal import Logging
internal import Synchronization

final class _RuntimeContext: Sendable {
    private struct Sinks {
        var deadLetters: [UInt64: @Sendable (_ pid: UInt64, _ type: String, _ cause: UInt32) -> Void] = [:]
        var lastID: UInt64 = 0
    }

    let executor: _WorkerExecutor
    let logger = Logger(label: "martlet")
    private let sinks = _Locked(Sinks())
    private let hasSinks = Atomic(false)
    /// How many high-water warnings there were.
    let highWaterReports = Atomic(0)
    /// The runtime while it runs: it ends by shutdown, not by being forgotten.
    private let runtime = _Locked<Runtime?>(nil)

    init() { executor = _WorkerExecutor() }

    /// The context behind the core's pointer.
    @unsafe
    static func borrow(_ pointer: UnsafeMutableRawPointer) -> _RuntimeContext {
        unsafe Unmanaged<_RuntimeContext>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// For the core; never released.
    func immortalPointer() -> UnsafeMutableRawPointer { unsafe Unmanaged.passRetained(self).toOpaque() }

    func hold(_ runtime: Runtime?) { self.runtime.withLock { $0 = runtime } }
    var held: Runtime? { runtime.withLock { $0 } }

    // MARK: Jobs

    /// Where the word lies in a job that its executor may use, bytes from the job's start.
    ///
    /// The layout of a job's header is part of Swift's ABI: a reference-counted object's two words, then two for the
    /// executor.
    static let jobLinkOffset: UInt32 = UInt32(2 * MemoryLayout<UInt>.size)

    /// MT_JOB_GLOBAL and MT_JOB_CARRIER: whose job it is, in its address.
    static let globalJob: UInt = 2
    static let carrierJob: UInt = 4

    @unsafe
    func run(_ tagged: UnsafeMutableRawPointer) {
        let word = UInt(bitPattern: tagged)
        if word & Self.carrierJob != 0 { return _Carrier.run(marked: word & ~Self.carrierJob) }
        let isGlobal = word & Self.globalJob != 0
        let job = unsafe unsafeBitCast(word & ~Self.globalJob, to: UnownedJob.self)
        if isGlobal {
            // A task without an executor must find itself on the generic one, or it would hop at its next suspension.
            unsafe job.runSynchronously(on: unsafeBitCast((UInt(0), UInt(0)), to: UnownedSerialExecutor.self))
        } else {
            unsafe job.runSynchronously(on: executor.asUnownedTaskExecutor())
        }
    }

    // MARK: Reports

    func reportHighWater(pid: UInt64, length: UInt32) {
        logger.warning(
            "mailbox grows",
            metadata: [
                "pid": "<\(UInt32(truncatingIfNeeded: pid)).\(pid >> 32)>", "messages": "\(length)",
                "type": "\(_Snapshot(of: pid)?.type ?? "")",
            ])
        highWaterReports.add(1, ordering: .relaxed)
    }

    func reportStall(pid: UInt64, nanoseconds: UInt64) {
        logger.warning(
            "handler runs long",
            metadata: ["pid": "<\(UInt32(truncatingIfNeeded: pid)).\(pid >> 32)>", "ms": "\(nanoseconds / 1_000_000)"])
    }

    @unsafe
    func reportDeadLetter(pid: UInt64, type: UnsafeRawPointer?, cause: UInt32) {
        guard hasSinks.load(ordering: .acquiring) else { return }
        let name = unsafe type.map { unsafe "\(unsafeBitCast($0, to: Any.Type.self))" } ?? "unknown"
        let all = sinks.withLock { Array($0.deadLetters.values) }
        for sink in all { sink(pid, name, cause) }
    }

    /// Calls `sink` for each dead letter until it is removed by the returned number.
    func addDeadLetterSink(
        _ sink: @escaping @Sendable (_ pid: UInt64, _ type: String, _ cause: UInt32) -> Void
    ) -> UInt64 {
        sinks.withLock { sinks in
            sinks.lastID += 1
            sinks.deadLetters[sinks.lastID] = sink
            hasSinks.store(true, ordering: .releasing)
            return sinks.lastID
        }
    }

    func removeDeadLetterSink(_ id: UInt64) {
        sinks.withLock { sinks in
            sinks.deadLetters[id] = nil
            hasSinks.store(!sinks.deadLetters.isEmpty, ordering: .releasing)
        }
    }
}

/// Runs Swift tasks on the workers of one runtime.
final class _WorkerExecutor: TaskExecutor {
    /// The core runtime's address; 0 until it has started.
    private let core = Atomic<UInt>(0)

    func connect(_ core: OpaquePointer) { self.core.store(UInt(bitPattern: core), ordering: .releasing) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = unsafe unsafeBitCast(UnownedJob(job), to: UnsafeMutableRawPointer.self)
        let core = unsafe OpaquePointer(bitPattern: core.load(ordering: .relaxed))
        guard let core = unsafe core, unsafe mt_submit_job(core, job) else {
            unsafe mt_global_executor_enqueue_elsewhere(job)
            return
        }
    }
}
