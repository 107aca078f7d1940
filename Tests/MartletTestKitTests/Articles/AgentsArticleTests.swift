// SPDX-License-Identifier: Apache-2.0
// The examples of Agents.md, as they stand there.

import Martlet
import MartletTestKit
import Testing

@Suite("Agents.md", .timeLimit(.minutes(5)))
struct AgentsArticleTests {
    @Test("an agent for a value that outlives who uses it (S45)")
    func agent() async throws {
        try await withTestRuntime { test in
            let visits = try await Agent<[String: Int]>.start { [:] }
            visits.castUpdate { $0["/", default: 0] += 1 }
            let count = try await visits.get { $0["/"] ?? 0 }
            #expect(count == 1)
            try await visits.stop()
            test.assertNothingLeft()
        }
    }

    @Test("an agent is a child like any server, and its closures return what they do")
    func supervised() async throws {
        try await withTestRuntime { test in
            let name: Agent<[Int]>.Name = "numbers"
            let tree = try await Supervisor.start { Agent<[Int]>.child({ [1, 2, 3] }, name: name) }
            #expect(try await name.update { $0.removeFirst() } == 1)
            #expect(try await name.get { $0.count } == 2)
            name.castUpdate { $0.removeAll() }
            #expect(try await name.get { $0.isEmpty })
            try await tree.stop(.shutdown)
            test.assertNothingLeft()
        }
    }
}
