// SPDX-License-Identifier: Apache-2.0
// What a registry promises while its processes and its own live.

import Testing

@testable import Martlet

@Suite("Registry", .timeLimit(.minutes(5)))
struct RegistryTests {
    let numbers = Registry<String, Int>("numbers")
    let topics = Registry<String, Int>("topics", .duplicate)

    @Test("a unique key is one process's: it and everybody else is told who has it (R20)", .tags(.parity))
    func unique() async throws {
        try await withRuntime { _ in
            try await numbers.start()
            let (first, second) = (Subscriber(), Subscriber())
            #expect(await first.register(numbers, "a", 1) == nil)
            #expect(numbers.pid("a") == first.pid)
            #expect(numbers.pid("b") == nil)
            #expect(await second.register(numbers, "a", 2).holder == first.pid)
            #expect(await first.register(numbers, "a", 3).holder == first.pid)
            #expect(numbers.entries("a").map(\.value) == [1])
            #expect(numbers.count == 1)
            await first.run { numbers.unregister("a") }
            #expect(numbers.pid("a") == nil && numbers.entries("a").isEmpty && numbers.count == 0)
            #expect(await second.register(numbers, "a", 2) == nil)
            #expect(numbers.pid("a") == second.pid)
            // A stranger's unregister takes nothing away.
            await first.run { numbers.unregister("a") }
            #expect(numbers.pid("a") == second.pid)
        }
    }

    @Test("a duplicate key has entries in the order of registering, of one process several")
    func duplicate() async throws {
        try await withRuntime { _ in
            try await topics.start()
            let (first, second) = (Subscriber(), Subscriber())
            for value in 1...3 { #expect(await first.register(topics, "t", value) == nil) }
            #expect(await second.register(topics, "t", 4) == nil)
            #expect(await first.register(topics, "t", 5) == nil)
            #expect(await first.register(topics, "other", 6) == nil)
            #expect(topics.entries("t").map(\.value) == [1, 2, 3, 4, 5])
            #expect(topics.entries("t").map(\.pid) == [first, first, first, second, first].map(\.pid))
            #expect(topics.pid("t") == first.pid)
            #expect(topics.count == 6)
            await first.run { topics.unregister("t") }
            #expect(topics.entries("t").map(\.value) == [4])
            #expect(topics.entries("other").map(\.value) == [6])
            await second.kill()
            #expect(topics.entries("t").isEmpty)
        }
    }

    @Test("the keys of a process, and entries by predicate")
    func keysAndSelect() async throws {
        try await withRuntime { _ in
            try await topics.start()
            let (first, second) = (Subscriber(), Subscriber())
            for number in 1...100 {
                _ = await (number % 2 == 0 ? first : second).register(topics, "t\(number / 2)", number)
            }
            #expect(Set(topics.keys(of: first.pid)) == Set((1...50).map { "t\($0)" }))
            let chosen = topics.select { key, entry in entry.pid == first.pid && entry.value > 90 && key != "t50" }
            #expect(chosen.map(\.1.value).sorted() == [92, 94, 96, 98])
            #expect(chosen.allSatisfy { $0.0 == "t\($0.1.value / 2)" })
            #expect(topics.select { _, _ in true }.count == 100)
            await first.kill()
            #expect(topics.keys(of: first.pid).isEmpty)
            #expect(topics.select { _, _ in true }.count == 50)
        }
    }

    @Test("a process changes its own value, and nobody else's; the entry is never gone meanwhile")
    func update() async throws {
        try await withRuntime { _ in
            try await numbers.start()
            let (owner, stranger) = (Subscriber(), Subscriber())
            _ = await owner.register(numbers, "a", 1)
            #expect(await owner.run { numbers.update("a") { $0 + 1 } } == 2)
            #expect(await owner.run { numbers.update("b") { $0 + 1 } } == nil)
            #expect(await stranger.run { numbers.update("a") { $0 + 1 } } == nil)
            #expect(numbers.entries("a").map(\.value) == [2])

            let reader = Task {
                var values: [Int] = []
                while values.last != 5_000 {
                    guard let value = numbers.entries("a").first?.value else { return false }
                    values.append(value)
                }
                return values == values.sorted()
            }
            await owner.run { for _ in 2..<5_000 { numbers.update("a") { $0 + 1 } } }
            #expect(await reader.value)
        }
    }

    @Test("one of several entries of a duplicate key is changed, in its place")
    func updateDuplicate() async throws {
        try await withRuntime { _ in
            try await topics.start()
            let (first, second) = (Subscriber(), Subscriber())
            for (who, value) in [(first, 1), (second, 2), (first, 3)] { _ = await who.register(topics, "t", value) }
            #expect(await second.run { topics.update("t") { $0 * 10 } } == 20)
            #expect(topics.entries("t").map(\.value) == [1, 20, 3])
            await first.run { topics.unregister("t") }
            #expect(await second.run { topics.update("t") { $0 + 1 } } == 21)
            #expect(topics.entries("t").map(\.value) == [21])
        }
    }

    @Test("dispatch hands each entry over, in order; in parallel each once")
    func dispatch() async throws {
        try await withRuntime { _ in
            try await topics.start()
            let subscriber = Subscriber()
            await subscriber.run { for value in 0..<1_000 { try? topics.register("t", value) } }
            let (serial, parallel) = (Record(Int.self), Record(Int.self))
            topics.dispatch("t") { serial.add($0.value) }
            #expect(serial.all == Array(0..<1_000))
            await subscriber.run { topics.dispatch("t", parallel: true) { parallel.add($0.value) } }
            #expect(parallel.all.sorted() == Array(0..<1_000))
            topics.dispatch("nobody", parallel: true) { _ in Issue.record("nobody subscribed") }
            // The registry is not locked meanwhile.
            topics.dispatch("t") { if $0.value == 0 { serial.add(topics.entries("t").count) } }
            #expect(serial.all.last == 1_000)
        }
    }

    @Test("publish sends to every subscriber and says to how many")
    func publish() async throws {
        try await withRuntime { _ in
            let news = Registry<String, ProcessRef<Int>>("news", .duplicate)
            try await news.start()
            let record = Record(Int.self)
            let subscribers = (0..<10).map { number in
                spawn { (mailbox: inout Mailbox<Int>) in
                    try news.register("sport", mailbox.ref)
                    while true { record.add(try await mailbox.receive() * 10 + number) }
                }
            }
            await eventually { news.count == 10 }
            #expect(news.publish("sport", 7) == 10)
            #expect(news.publish("weather", 7) == 0)
            await eventually { record.count == 10 }
            #expect(record.all.sorted() == Array(70..<80))
            subscribers[0].pid.kill()
            _ = try await subscribers[0].pid.waitForExit()
            #expect(news.publish("sport", 8) == 9)
            await eventually { record.count == 19 }
        }
    }

    @Test("listeners hear of what comes and goes, deaths included, until they or the registry stop")
    func events() async throws {
        try await withRuntime { _ in
            try await numbers.start()
            let (first, second) = (Subscriber(), Subscriber())
            let events = numbers.events()
            let others = numbers.events()
            let ended = Task { for await _ in others {} }
            _ = await first.register(numbers, "a", 1)
            await first.run { numbers.unregister("a") }
            _ = await second.register(numbers, "b", 2)
            await second.kill()
            var heard: [String] = []
            for await event in events {
                switch event {
                case .registered(let key, let pid, let value): heard.append("\(key) \(pid) \(value)")
                case .unregistered(let key, let pid): heard.append("\(key) \(pid)")
                }
                if heard.count == 4 { break }
            }
            #expect(heard == ["a \(first.pid) 1", "a \(first.pid)", "b \(second.pid) 2", "b \(second.pid)"])
            #expect(numbers.places.tables.current?.listeners.isHeard == true)
            try await numbers.places.stop()
            await ended.value
        }
    }

    @Test("withLock runs one body a key at a time, may nest, and passes results and errors on")
    func locks() async throws {
        try await withRuntime { _ in
            final class Count: @unchecked Sendable { var value = 0 }  // guarded by the lock under test
            let count = Count()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        await onThread {
                            for _ in 0..<500 { numbers.withLock("a") { count.value += 1 } }
                        }
                    }
                }
            }
            #expect(count.value == 4_000)
            #expect(numbers.withLock("a") { numbers.withLock("a") { numbers.withLock("b") { 3 } } } == 3)
            #expect(throws: Failure(4)) { try numbers.withLock("a") { throw Failure(4) } }
            // Handlers that wait do not keep their worker.
            let (gate, desks) = (Gate(), try await [Desk.begin(), Desk.begin(), Desk.begin()])
            for desk in desks {
                desk.tell { _ in
                    numbers.withLock("a") { gate.pass() }
                    return .wait
                }
            }
            await gate.arrived()
            #expect(try await Desk.begin().ask { $1.reply(1) } == 1)
            gate.open(desks.count)
        }
    }

    @Test("keys that all have one hash are told apart")
    func collisions() async throws {
        struct Colliding: Hashable {
            let number: Int
            func hash(into hasher: inout Hasher) { hasher.combine(0) }
        }
        try await withRuntime { _ in
            let registry = Registry<Colliding, Int>("colliding")
            try await registry.start()
            let owner = Subscriber()
            await owner.run { for number in 0..<200 { try? registry.register(Colliding(number: number), number) } }
            #expect((0..<200).allSatisfy { registry.entries(Colliding(number: $0)).first?.value == $0 })
            await owner.run {
                for number in 0..<200 where number % 3 != 0 { registry.unregister(Colliding(number: number)) }
            }
            #expect((0..<200).allSatisfy { (registry.pid(Colliding(number: $0)) != nil) == ($0 % 3 == 0) })
        }
    }

    @Test("a key whose == uses the registry is no deadlock")
    func reentrantKey() async throws {
        struct Curious: Hashable {
            let number: Int
            static let registry = Registry<Curious, Int>("curious")
            static func == (one: Curious, other: Curious) -> Bool {
                if one.number != other.number { _ = registry.pid(Curious(number: -1)) }
                return one.number == other.number
            }
            func hash(into hasher: inout Hasher) { hasher.combine(number < 0) }
        }
        try await withRuntime { _ in
            try await Curious.registry.start()
            let owner = Subscriber()
            await owner.run { for number in 0..<4 { try? Curious.registry.register(Curious(number: number), number) } }
            #expect((0..<4).allSatisfy { Curious.registry.pid(Curious(number: $0)) == owner.pid })
        }
    }

    @Test("registering outside a process, and odd partitions, trap")
    func traps() async {
        await #expect(processExitsWith: .failure) { try Registry<Int, Void>("r").register(1) }
        await #expect(processExitsWith: .failure) { _ = Registry<Int, Void>("r", partitions: 0) }
        await #expect(processExitsWith: .failure) {
            _ = ServerName<Counter>.via(Registry<Int, Void>("r", .duplicate), 1)
        }
    }
}
