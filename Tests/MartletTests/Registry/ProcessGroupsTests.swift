// SPDX-License-Identifier: Apache-2.0
// Groups of processes.

import Testing

@testable import Martlet

@Suite("ProcessGroups", .timeLimit(.minutes(5)))
struct ProcessGroupsTests {
    let groups = ProcessGroups<String, Int>("groups")

    /// A process that notes what it is sent.
    private func member(_ record: Record<Int>) -> ProcessRef<Int> {
        spawn { mailbox in while true { record.add(try await mailbox.receive()) } }
    }

    @Test("a process joins more than once, gets each message so often, and leaves once a leave")
    func joinTwice() async throws {
        try await withRuntime { _ in
            try await groups.start()
            let record = Record(Int.self)
            let (first, second) = (member(record), member(record))
            #expect(groups.join("g", first) && groups.join("g", second) && groups.join("g", first))
            #expect(groups.members("g") == [first, second, first])
            #expect(groups.broadcast("g", 1) == 3)
            await eventually { record.count == 3 }
            #expect(groups.leave("g", first))
            #expect(groups.members("g").count == 2)
            #expect(groups.leave("g", first))
            #expect(!groups.leave("g", first) && !groups.leave("nowhere", second))
            #expect(groups.members("g") == [second])
            #expect(groups.broadcast("g", 2) == 1)
            await eventually { record.count == 4 }
        }
    }

    @Test("a member vanishes by ending, from all its groups")
    func vanish() async throws {
        try await withRuntime { _ in
            try await groups.start()
            let record = Record(Int.self)
            let (first, second) = (member(record), member(record))
            for group in ["a", "b", "b"] {
                groups.join(group, first)
                groups.join(group, second)
            }
            first.pid.kill()
            _ = try await first.pid.waitForExit()
            #expect(groups.members("a") == [second] && groups.members("b") == [second, second])
            #expect(groups.broadcast("a", 1) == 1)
            // One that has ended is no member.
            groups.join("a", first)
            #expect(groups.members("a") == [second])
            await eventually {
                groups.places.tables.current?.entries.index.processes.map { $0.pid } == [second.pid.raw]
            }
        }
    }

    @Test("not started, nobody joins; stopped, nobody is a member; killed, the next has all members")
    func life() async throws {
        try await withRuntime { _ in
            let member = member(Record(Int.self))
            #expect(!groups.join("g", member) && groups.members("g").isEmpty && groups.broadcast("g", 1) == 0)
            #expect(!groups.leave("g", member))
            try await groups.start()
            #expect(groups.join("g", member))
            let server = try #require(groups.places.resolve())
            server.kill()
            _ = try await server.waitForExit()
            #expect(groups.members("g") == [member])
            #expect(groups.join("g", member))
            try await groups.start()
            #expect(groups.members("g") == [member, member])
            try await groups.places.stop()
            #expect(groups.members("g").isEmpty)
        }
    }
}
