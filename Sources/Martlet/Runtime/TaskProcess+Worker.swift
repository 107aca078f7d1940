// SPDX-License-Identifier: Apache-2.0
// What workers do with a process whose owner is a task: wake the task, and run the exit.

internal import CMartlet
internal import Synchronization

extension _TaskProcess {
    /// One slice of the process on a worker.
    static func run(_ worker: _Slice) -> _Run {
        let process = unsafe Unmanaged<_TaskProcess>.fromOpaque(worker.pointer.pointee.slot.pointee.state)
            .takeUnretainedValue()
        let death = worker.kind == .die ? worker.takeDeathReason() : nil
        // The task ended the process: told by a signal, or by itself, and then a signal that it has not seen was first. A
        // task from which the process was taken is still at its words.
        if !worker.stateIsHeld, let finished = process.finished {
            return process.end(worker, process.wasTold ? finished : death ?? finished, isHeld: false)
        }
        if let death { return process.end(worker, death, isHeld: worker.stateIsHeld) }
        guard let continuation = unsafe process.continuation else { return .left }
        unsafe process.continuation = nil
        process.handOvers.add(1, ordering: .releasing)
        unsafe _Waiter(continuation).resume()
        return .left
    }

    private func end(_ worker: _Slice, _ reason: _Reason, isHeld: Bool) -> _Run {
        worker.beginExit(reason)
        if !isHeld, let popped = unsafe slice.pointee.undelivered {
            // The task had taken it off the queue when it saw the end: a dead letter like the rest.
            unsafe slice.pointee.undelivered = nil
            unsafe worker.pointer.pointee.undelivered = unsafe popped
        }
        let sleeper = isHeld ? nil : unsafe continuation
        if !isHeld {
            unsafe continuation = nil
            death = reason
            endAliases()
        }
        worker.finishExit()
        unsafe Unmanaged.passUnretained(self).release()
        handOvers.add(1, ordering: .releasing)
        if let sleeper = unsafe sleeper { unsafe _Waiter(sleeper).resume() }
        // Heard by everybody, then by the body: cancelling runs user code.
        if isHeld { cancelTask() }
        return .exited
    }
}

/// Cancelling the task of a body that goes on after the end of its process: what it waits for ends.
///
/// A task that became a process for a while belongs to others, and is never cancelled here.
extension _TaskProcess {
    enum TaskStage: UInt8, AtomicRepresentable {
        case unknown
        case known
        case cancelled
    }

    /// Makes the task known.
    ///
    /// Who started it, once; the process may have ended by now.
    func own(_ task: Task<Void, Never>) {
        self.task = task
        // acquiringAndReleasing: publishes `task` to `cancelTask`, or sees that it came first.
        if taskStage.exchange(.known, ordering: .acquiringAndReleasing) == .cancelled { task.cancel() }
    }

    /// The worker of the exit, once.
    private func cancelTask() {
        // acquiringAndReleasing: the other side of the exchange in `own`.
        if taskStage.exchange(.cancelled, ordering: .acquiringAndReleasing) == .known { task?.cancel() }
    }
}
