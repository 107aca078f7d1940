// SPDX-License-Identifier: Apache-2.0
// Casts, sends and unexpected values: order, outcomes, sizes.

import Testing

@testable import Martlet

@Suite("Messages", .timeLimit(.minutes(5)))
struct MessageTests {
    @Test("casts, sends and calls of one sender arrive in the order of sending (R5, S6, S28)", .tags(.parity))
    func order() async throws {
        try await withRuntime { _ in
            let server = try await Desk.begin()
            for round in 0..<300 {
                server.cast(.note(round * 3))
                server.send(round * 3 + 1)
                _ = try await server.ask { state, from in
                    state.seen.append(round * 3 + 2)
                    return from.reply(0)
                }
            }
            #expect(try await server.call { .seen($0) } == Array(0..<900))
        }
    }

    @Test(
        "a cast to a dead server, or to a name that leads nowhere, is no error and is counted (R6, S18)", .tags(.parity)
    )
    func toNobody() async throws {
        try await withRuntime { test in
            let server = try await Desk.begin()
            try await server.stop()
            #expect(server.cast(.note(1)) == .noProcess)
            #expect(server.send(2) == .noProcess)
            #expect(server.process.send(3) == .noProcess)
            #expect(server.pid.send(any: 4) == .noProcess)
            let name: Desk.Name = "nobody"
            #expect(name.cast(.note(1)) == .noProcess)
        }
    }

    @Test("1,000,000 casts to a dead pid leak nothing and are all counted", .tags(.leak))
    func million() async throws {
        let census = Census()
        try await withRuntime { test in
            let server = try await Desk.begin()
            try await server.stop()
            let before = test.runtime.statistics.refused
            for _ in 0..<1_000_000 { server.cast(.note(1)) }
            #expect(test.runtime.statistics.refused == before + 1_000_000)
            for _ in 0..<1_000 {
                let tracked = Tracked(census)
                server.tell { _ in
                    _ = tracked
                    return .wait
                }
            }
            #expect(census.alive == 0)
        }
    }

    @Test(
        "an unexpected value is handed to handleInfo, and is not fatal to a server without messages (R17, S31)",
        .tags(.parity))
    func unexpected() async throws {
        try await withRuntime { _ in
            let record = Record()
            let desk = try await Desk.begin {
                $0.info = { _, info in
                    if case .unexpected(let value) = info { record.add("\(value)") }
                    return .wait
                }
            }
            let counter = try await Counter.start(1)
            for pid in [desk.pid, counter.pid] { #expect(pid.send(any: "hello") == .queued) }
            #expect(try await desk.ask { $1.reply(1) } == 1)
            #expect(try await counter.get() == 1)
            #expect(record.all == ["hello"])
        }
    }

    /// 2 KB of values: larger than any size class.
    struct Large: Sendable, Equatable {
        var values: InlineArray<256, Int>
        init(_ seed: Int) { values = InlineArray { seed &+ $0 } }
        static func == (one: Large, other: Large) -> Bool {
            one.values.indices.allSatisfy { one.values[$0] == other.values[$0] }
        }
    }

    /// Aligned to 16 bytes, which no payload is.
    struct Aligned: Sendable {
        var vector: SIMD32<UInt8>
        var tracked: Tracked
    }

    struct Warehouse: GenServer {
        enum Call { case store(Large, From<Large>), storeAligned(Aligned, From<Aligned>) }
        enum Cast { case keep(Large), keepAligned(Aligned) }
        var last = Large(0)
        init(_: Large) {}
        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .store(let large, let from):
                last = large
                return from.reply(large)
            case .storeAligned(let aligned, let from): return from.reply(aligned)
            }
        }
        mutating func handleCast(_ cast: Cast) -> Next {
            if case .keep(let large) = cast { last = large }
            return .wait
        }
    }

    @Test("a message and a reply larger than every size class are boxed and arrive whole", .tags(.leak))
    func large() async throws {
        let census = Census()
        try await withRuntime { _ in
            #expect(MemoryLayout<Large>.size == 2_048)
            let server = try await Warehouse.start(Large(3))
            for seed in 0..<100 {
                server.cast(.keep(Large(seed + 1)))
                #expect(try await server.call { .store(Large(seed), $0) } == Large(seed))
                let aligned = Aligned(vector: SIMD32(repeating: UInt8(seed)), tracked: Tracked(census))
                server.cast(.keepAligned(aligned))
                let back = try await server.call { .storeAligned(aligned, $0) }
                #expect(back.vector == aligned.vector)
            }
            try await server.stop()
            #expect(
                server.cast(.keepAligned(Aligned(vector: SIMD32(repeating: 1), tracked: Tracked(census)))) == .noProcess
            )
        }
        #expect(census.alive == 0)
        #expect(census.total == 101)
    }

    @Test("a large reply parked until terminate arrives whole (R10)")
    func largeParked() async throws {
        struct Parting: GenServer {
            enum Call { case leave(From<Large>), leaveSmall(From<Int>) }
            init(_: Void) {}
            mutating func handleCall(_ call: Call) -> Next {
                switch call {
                case .leave(let from): from.reply(Large(7), then: .stop())
                case .leaveSmall(let from): from.reply(7, then: .stop())
                }
            }
        }
        try await withRuntime { _ in
            let first = try await Parting.start()
            #expect(try await first.call { .leave($0) } == Large(7))
            let second = try await Parting.start()
            #expect(try await second.call { .leaveSmall($0) } == 7)
        }
    }

    @Test("a state that is over-aligned or larger than every size class is kept whole")
    func largeState() async throws {
        struct Chest: GenServer {
            enum Call { case sum(From<Int>), address(From<Int>) }
            var vector = SIMD64<UInt8>(repeating: 1)
            var large: Large
            init(_ seed: Int) { large = Large(seed) }
            mutating func handleCall(_ call: Call) -> Next {
                switch call {
                case .sum(let from): from.reply(large.values[255] + Int(vector[63]))
                case .address(let from):
                    from.reply(
                        unsafe withUnsafePointer(to: &vector) {
                            Int(bitPattern: $0) % MemoryLayout<SIMD64<UInt8>>.alignment
                        })
                }
            }
        }
        try await withRuntime { _ in
            let server = try await Chest.start(1_000)
            #expect(try await server.call { .sum($0) } == 1_256)
            #expect(try await server.call { .address($0) } == 0)
        }
    }
}
