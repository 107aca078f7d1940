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
        return .exited
    }
}
