// SPDX-License-Identifier: Apache-2.0
// What is asked of a supervisor at run time. Each either fails at once, or its waiter is answered later.

extension ChildTable {
    /// Adds a child at the end and starts it; during a rebuild it comes up with the others.
    ///
    /// Without a waiter a first start that fails is tried again, as a restart.
    mutating func add(_ spec: ChildSpec, waiter: Int?) -> StartError? {
        guard let child = book.enter(spec) else { return .duplicateChild(spec.id) }
        child.startWaiter = waiter
        if rebuild == nil { begin(child) }
        return nil
    }

    /// A start that returned the process of another child is a failure: that one's end would be told to one of them alone.
    func checked(_ result: Result<Pid, StartError>, of child: SupervisedChild) -> Result<Pid, StartError> {
        guard case .success(let pid) = result, let other = book.child(of: pid), other !== child, other.process == pid
        else { return result }
        return .failure(.failed(SupervisorError.sharedProcess(child.spec.id, with: other.spec.id)))
    }

    /// A child whose first start was ignored: its spec stays, unless it is temporary.
    mutating func wasIgnored(_ child: SupervisedChild) {
        child.isWanted = false
        if child.spec.restart == .temporary { book.forget(child) }
    }

    /// Ends a child for good; its waiter hears when it is down.
    mutating func stop(_ child: SupervisedChild, waiter: Int?) {
        child.isWanted = false
        if let waiter { child.stopWaiters.append(waiter) }
        bringDown(child)
        if child.isDown { isDown(child) }
    }

    /// Starts a stopped child.
    mutating func restart(_ child: SupervisedChild, waiter: Int?) -> SupervisorError? {
        guard child.isDown, !child.isWanted else { return .running(child.spec.id) }
        child.isWanted = true
        child.startWaiter = waiter ?? child.startWaiter
        child.history?.inRow = 0
        // Unless a rebuild will come to it.
        if rebuild.map({ child.key < $0.floor || !$0.isStopping && child.key < $0.cursor }) ?? true { begin(child) }
        return nil
    }

    /// Forgets a stopped child.
    mutating func delete(_ child: SupervisedChild) -> SupervisorError? {
        guard child.isDown, !child.isWanted else { return .running(child.spec.id) }
        book.forget(child)
        return nil
    }
}
