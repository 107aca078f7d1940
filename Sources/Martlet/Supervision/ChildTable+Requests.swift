// SPDX-License-Identifier: Apache-2.0
// What is asked of a supervisor at run time. Each either fails at once, or its waiter is answered later.

extension ChildTable {
    /// Adds a child at the end and starts it; during a rebuild it comes up with the others.
    ///
    /// Without a waiter a first start that fails is tried again, as a restart.
    mutating func add(_ spec: ChildSpec, waiter: Int?) -> StartError? {
        guard let key = enter(spec) else { return .duplicateChild(spec.id) }
        if let waiter { children[key]?.startWaiters = [waiter] }
        if rebuild == nil { begin(key) }
        return nil
    }

    /// A child that was started outside of the table.
    mutating func cameUp(_ key: Int, _ pid: Pid, at now: Duration) {
        children[key]?.state = .running(pid)
        children[key]?.startedAt = now
        children[key]?.hasRun = true
        keyOfPid[pid] = key
    }

    /// A start that returned the process of another child is a failure: that one's end would be told to one of them alone.
    func checked(_ result: Result<Pid, StartError>, of spec: ChildSpec) -> Result<Pid, StartError> {
        guard case .success(let pid) = result, let other = child(of: pid) else { return result }
        return .failure(.failed(SupervisorError.sharedProcess(spec.id, with: other.spec.id)))
    }

    /// A child whose first start was ignored: its spec stays, unless it is temporary.
    mutating func wasIgnored(_ key: Int) {
        children[key]?.isWanted = false
        if children[key]?.spec.restart == .temporary { forget(key) }
    }

    /// Ends a child for good; its waiter hears when it is down.
    mutating func stop(_ key: Int, waiter: Int?) {
        children[key]?.isWanted = false
        if let waiter { children[key]?.stopWaiters.append(waiter) }
        bringDown(key)
        if let child = children[key], child.isDown { isDown(key) }
    }

    /// Starts a stopped child.
    mutating func restart(_ child: SupervisedChild, waiter: Int?) -> SupervisorError? {
        guard child.isDown, !child.isWanted else { return .running(child.spec.id) }
        children[child.key]?.isWanted = true
        if let waiter { child.startWaiters = [waiter] }
        children[child.key]?.restartsInRow = 0
        // Unless a rebuild will come to it.
        if rebuild.map({ child.key < $0.floor || !$0.isStopping && child.key < $0.cursor }) ?? true { begin(child.key) }
        return nil
    }

    /// Forgets a stopped child.
    mutating func delete(_ child: SupervisedChild) -> SupervisorError? {
        guard child.isDown, !child.isWanted else { return .running(child.spec.id) }
        forget(child.key)
        return nil
    }
}
