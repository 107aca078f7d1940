// SPDX-License-Identifier: Apache-2.0
// The Swift side of one core runtime: what its threads reach through an opaque pointer. Immortal, as the core's own
// struct is: a late sender may still hold it.

internal import CMartlet
internal import Logging
internal import Synchronization

final class _RuntimeContext: Sendable {
    let executor: _WorkerExecutor
    let logger = Logger(label: "martlet")
    let deadLetters = _Fan<_DeadNote>()
    /// Crash reports; what is in one is the business of the layer above.
    let crashes = _Fan<any Sendable>()
    /// The level that crash reports are logged at.
    let crashReportLevel: Logger.Level
    /// How many high-water warnings there were.
    let highWaterReports = Atomic(0)
    /// How many subscriptions there are to stages that the consumer has not come to.
    let untoldSubscriptions = Atomic(0)
    /// The runtime while it runs: it ends by shutdown, not by being forgotten.
    private let runtime = _Locked<Runtime?>(nil)

    init(crashReportLevel: Logger.Level = .error) {
        executor = _WorkerExecutor()
        self.crashReportLevel = crashReportLevel
    }

    /// The context behind the core's pointer.
    @unsafe
    static func borrow(_ pointer: UnsafeMutableRawPointer) -> _RuntimeContext {
        unsafe Unmanaged<_RuntimeContext>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Of the runtime that a process is of; nil once the runtime has ended.
    static func of(_ pid: UInt64) -> _RuntimeContext? {
        guard let core = unsafe mt_pid_runtime_any(pid), let pointer = unsafe mt_runtime_context(core) else {
            return nil
        }
        return unsafe borrow(pointer)
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

    @unsafe @inline(__always)
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
        var metadata = Self.metadata(of: pid, _Snapshot(of: pid))
        metadata["messages"] = "\(length)"
        logger.warning("mailbox grows", metadata: metadata)
        highWaterReports.add(1, ordering: .relaxed)
    }

    func reportStall(pid: UInt64, nanoseconds: UInt64) {
        let snapshot = _Snapshot(of: pid)
        var metadata = Self.metadata(of: pid, snapshot)
        metadata["ms"] = "\(nanoseconds / 1_000_000)"
        if let doing = snapshot?.doing { metadata["message"] = "\(doing)" }
        logger.warning("handler runs long", metadata: metadata)
    }

    /// Who it is, by the keys that all reports use.
    private static func metadata(of pid: UInt64, _ snapshot: _Snapshot?) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["process": "<\(UInt32(truncatingIfNeeded: pid)).\(pid >> 32)>"]
        guard let snapshot else { return metadata }
        metadata["server"] = "\(snapshot.type)"
        if let name = snapshot.name { metadata["name"] = "\(name)" }
        if let label = snapshot.label { metadata["label"] = "\(label)" }
        return metadata
    }

    @unsafe
    func reportDeadLetter(pid: UInt64, from: UInt64, type: UnsafeRawPointer?, cause: UInt32) {
        guard deadLetters.isHeard else { return }
        let name = unsafe type.map { unsafe _TypeName.short(of: unsafeBitCast($0, to: Any.Type.self)) } ?? "unknown"
        deadLetters.tell(_DeadNote(pid: pid, from: from, type: name.cut(to: Self.typeNameMax), cause: cause))
    }

    /// Bytes of a type's name in a report.
    private static let typeNameMax = 300
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
