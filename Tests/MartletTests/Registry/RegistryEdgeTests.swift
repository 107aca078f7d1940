// SPDX-License-Identifier: Apache-2.0
// Registries at their edges: helpers that are killed, listeners of a registry that is stopped.

import Testing

@testable import Martlet

@Suite("Edges of registries", .timeLimit(.minutes(5)))
struct RegistryEdgeTests {
    @Test("dispatch in parallel returns when body has, though a process that runs it is killed")
    func killedHelper() async {
        // Code that outlives the call it was lent to ends the program.
        await #expect(processExitsWith: .success) {
            try await withRuntime(workers: 2) { test in
                let numbers = Registry<String, Int>("numbers", .duplicate)
                try await numbers.start()
                let owner = Subscriber()
                for round in 0..<4 { _ = await owner.register(numbers, "a", round) }
                let (ownGate, gate) = (Gate(), Gate())
                let helpers = Record(Pid.self)
                let done = Record(Int.self)
                let caller = spawn(Never.self) { _ in
                    let me = Pid.current
                    numbers.dispatch("a", parallel: true) { entry in
                        if let pid = Pid.current, pid != me {
                            helpers.add(pid)
                            gate.pass()
                        } else {
                            ownGate.pass()
                        }
                        done.add(entry.value)
                    }
                    done.add(100)
                }
                await ownGate.arrived()
                await gate.arrived()
                helpers.all.first?.kill()
                _ = try await helpers.all.first?.waitForExit()
                ownGate.open(2)
                await eventually { done.count == 2 }
                for _ in 0..<1_000 { await Task.yield() }
                precondition(!done.all.contains(100), "expected dispatch to wait for its body, got its end")
                gate.open(2)
                _ = try await caller.pid.waitForExit()
                precondition(done.all.last == 100 && Set(done.all) == [0, 1, 2, 3, 100] && done.count == 5)
            }
        }
    }

    @Test("dispatch in parallel hands every entry over, also where nobody can be started to help")
    func noHelper() async throws {
        try await withRuntime { _ in
            let numbers = Registry<Int, Int>("numbers", .duplicate)
            try await numbers.start()
            let owner = Subscriber()
            for round in 0..<8 { _ = await owner.register(numbers, 1, round) }
            let done = Record(Int.self)
            let caller = spawn(Never.self) { _ in
                Pid.current?.kill()
                numbers.dispatch(1, parallel: true) { done.add($0.value) }
                done.add(100)
            }
            _ = try await caller.pid.waitForExit()
            await eventually { done.count == 9 }
            #expect(Set(done.all) == [0, 1, 2, 3, 4, 5, 6, 7, 100] && done.all.last == 100)
        }
    }

    @Test("a listener that comes while the registry is stopped hears of its end")
    func listenerAgainstStop() async throws {
        try await withRuntime { _ in
            let numbers = Registry<String, Int>("numbers")
            for round in 0..<500 {
                try await numbers.start()
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for _ in 0..<(round % 10) { await Task.yield() }
                        try? await numbers.places.stop()
                    }
                    group.addTask {
                        await withTaskGroup(of: Void.self) { listeners in
                            for _ in 0..<200 where numbers.places.tables.current != nil {
                                let events = numbers.events()
                                listeners.addTask { for await _ in events {} }
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("listeners hear of an entry before they hear of its end, however soon its owner is killed")
    func listenersInOrder() async throws {
        try await withRuntime { _ in
            let numbers = Registry<Int, Int>("numbers", .duplicate)
            try await numbers.start()
            let events = numbers.events(buffer: 1_000_000)
            let heard = Heard()
            let reading = Task { for await event in events { heard.note(event) } }
            for round in 0..<600 {
                let owner = spawn(Never.self) { _ in
                    for key in 0..<50 { try? numbers.register(round * 100 + key, 0) }
                }
                while numbers.pid(round * 100 + 3) == nil, owner.pid.isAlive { await Task.yield() }
                owner.pid.kill()
                _ = try await owner.pid.waitForExit()
            }
            // A killed owner may still be inside of its last registration, and takes that back itself.
            await eventually { heard.present.isEmpty && numbers.count == 0 }
            try await numbers.places.stop()
            await reading.value
            #expect(heard.early == 0)
        }
    }
}

/// Keys that were told as registered and not as unregistered since.
private final class Heard: Sendable {
    private let state = _Locked((present: Set<Int>(), early: 0))

    var present: Set<Int> { state.withLock { $0.present } }
    /// Ends of what was not there.
    var early: Int { state.withLock { $0.early } }

    func note(_ event: RegistryEvent<Int, Int>) {
        state.withLock { state in
            switch event {
            case .registered(let key, _, _): state.present.insert(key)
            case .unregistered(let key, _): if state.present.remove(key) == nil { state.early += 1 }
            }
        }
    }
}
