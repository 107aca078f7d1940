// SPDX-License-Identifier: Apache-2.0
// Disaster 1: a process starts a thousand counters and ends. Who ends them? Nobody, if they were just started; a link
// only if their parent fails, for it does not pass a normal end on. Supervised, they end with their supervisor, and one
// that is killed before is there again.
//
// See it run: swift test --filter ProcessLeakExample

import Martlet

/// By hand: the counter watches its owner, and ends with it.
private func startCounter(for owner: Pid) -> Pid {
    spawn(ManualCounter.Message.self) { mailbox in
        _ = owner.monitor()
        var count = 0
        while true {
            switch try await mailbox.receiveInfo() {
            case .message(.increment(let client)):
                count += 1
                client.send(count)
            case .message(.get(let client)):
                client.send(count)
            case .message(.stop), .down:
                return
            case .message(.work), .exit, .timeout, .unexpected:
                continue
            }
        }
    }.pid
}

/// As a server: a linked child that traps exits ends with its parent, however that one ends, and in good order.
struct ChildCounter: GenServer {
    enum Cast { case increment }
    static let trapsExits = true
    private var count = 0

    init(_: Void) {}

    mutating func handleCast(_ cast: Cast) -> Next {
        count += 1
        return .wait
    }

    /// The ends of other linked processes, which are none of its business; its parent's runs `terminate`.
    mutating func handleInfo(_ info: Info<Never>) -> Next { .wait }
}

func processLeakTour(counters count: Int = 1_000, output: @escaping Output = terminal) async throws {
    output("Just started: \(try await left(of: count) { _ in ManualCounter.start().pid }) left")
    output("Linked: \(try await left(of: count) { _ in ManualCounter.startLink().pid }) left")
    let failing = try await left(of: count, failing: true) { _ in ManualCounter.startLink().pid }
    output("Linked, and their parent fails: \(failing) left")
    output("Watching their parent: \(try await left(of: count) { startCounter(for: $0) }) left")
    output("Servers: \(try await left(of: count) { _ in try await ChildCounter.startLink().pid }) left")
    try await supervisedTour(counters: count, output)
}

/// After: who starts them is not who keeps them.
private func supervisedTour(counters count: Int, _ output: Output) async throws {
    let supervisor = try await DynamicSupervisor.start(.init(maxRestarts: count))
    var pids: [Pid] = []
    for _ in 0..<count { pids.append(try await supervisor.start(ChildCounter.self, ()).pid) }
    let killed = pids.prefix(count / 10)
    for pid in killed { pid.kill() }
    repeat { pids = try await supervisor.children() } while pids.count < count || pids.contains { killed.contains($0) }
    output("Supervised, \(killed.count) of them killed: \(pids.count) left")
    try await supervisor.stop(.shutdown)
    output("Supervised, their supervisor stopped: \(pids.count { $0.status != nil }) left")
}

private struct Failure: Error {}

/// Has a parent start counters and end, counts those that are still there a second later, and ends them.
private func left(
    of count: Int, failing: Bool = false, start: @escaping @Sendable (_ parent: Pid) async throws -> Pid
) async throws -> Int {
    try await withProcess(receiving: [Pid].self) { mailbox in
        let home = mailbox.ref
        let parent = spawn(Never.self) { mailbox in
            var pids: [Pid] = []
            for _ in 0..<count { pids.append(try await start(mailbox.ref.pid)) }
            home.send(pids)
            if failing { throw Failure() }
        }
        let pids = try await mailbox.receive()
        _ = try await parent.pid.waitForExit()
        _ = try await mailbox.receive(timeout: .seconds(1))
        let alive = pids.filter { $0.status != nil }
        for pid in alive { pid.kill() }
        for pid in alive { _ = try await pid.waitForExit() }
        return alive.count
    }
}
