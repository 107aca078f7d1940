// SPDX-License-Identifier: Apache-2.0
// Call cycles over random graphs of calls: every cycle is found, at once and once, and nothing else is taken for one.
// Nothing here has a timeout: a missed cycle is a deadlock, which the test runtime reports.

import Foundation
import Martlet
import MartletTestKit
import Synchronization
import Testing

@Suite("Call cycles over random graphs", .tags(.systematic), .takesTurns)
struct CycleTests {
    /// Passes a plan on: calls the first server of it with the rest.
    struct Node: GenServer {
        enum Call { case visit([Int], From<Int>) }
        private let graph: Graph
        private let number: Int

        init(_ place: (graph: Graph, number: Int)) { (graph, number) = place }

        mutating func handleCall(_ call: Call) throws -> Next {
            guard case .visit(let plan, let from) = call else { return .wait }
            return from.reply(try graph.visit(plan, by: number))
        }
    }

    /// The servers, and who waits for whom as the handlers see it.
    final class Graph: Sendable {
        private let nodes = _Locked<[Node.Ref]>([])
        private let waits = _Locked<[Pid: Pid]>([:])
        let refused = Atomic(0)
        let wrong = Atomic(0)

        func add(_ node: Node.Ref) { nodes.withLock { $0.append(node) } }
        func node(_ number: Int) -> Node.Ref { nodes.withLock { $0[number] } }

        /// The calls of a plan that were answered; a refused one ends it there.
        func visit(_ plan: [Int], by number: Int) throws(CallError) -> Int {
            guard let next = plan.first else { return 0 }
            let (me, callee) = (node(number), node(next))
            waits.withLock { $0[me.pid] = callee.pid }
            defer { waits.withLock { $0[me.pid] = nil } }
            do throws(CallError) {
                return try callee.call(timeout: nil) { .visit(Array(plan.dropFirst()), $0) } + 1
            } catch .callingSelf {
                return 0
            } catch {
                guard case .cycle(let path) = error.reason else { throw error }
                refused.add(1, ordering: .relaxed)
                // Each waits for the next at this moment, the last for the first.
                let isTrue = waits.withLock { waits in
                    path.first == me.pid && path.indices.allSatisfy { waits[path[$0]] == path[($0 + 1) % path.count] }
                }
                if !isTrue { wrong.add(1, ordering: .relaxed) }
                return 0
            }
        }
    }

    /// Sends plans through a graph at once; how many calls were refused.
    private static func run(_ test: TestRuntime, nodes count: Int, plans: [[Int]]) async throws -> (Int, [Int]) {
        let graph = Graph()
        for number in 0..<count { graph.add(try await Node.start((graph, number))) }
        let depths = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for (index, plan) in plans.enumerated() {
                let first = graph.node(plan[0])
                group.addTask {
                    (index, try await first.call(timeout: nil) { .visit(Array(plan.dropFirst()), $0) })
                }
            }
            return try await group.reduce(into: [Int](repeating: 0, count: plans.count)) { $0[$1.0] = $1.1 }
        }
        try #require(graph.wrong.load(ordering: .relaxed) == 0, "a false alarm")
        for number in 0..<count { try await graph.node(number).stop() }
        test.assertNothingLeft()
        return (graph.refused.load(ordering: .relaxed), depths)
    }

    @Test("plans that only lead upwards are never refused (F15)")
    func acyclic() async throws {
        try await explore(seeds: 0..<3000) { test in
            var random = test.random
            let plans = (0..<4).map { _ in (0..<6).filter { _ in Bool.random(using: &random) } }.filter { !$0.isEmpty }
            let (refused, depths) = try await Self.run(test, nodes: 6, plans: plans)
            try #require(refused == 0 && depths == plans.map { $0.count - 1 })
        }
    }

    @Test("plans in any order: every refusal names a cycle that is there, and nobody waits for ever (F15)")
    func anyOrder() async throws {
        let refusals = Atomic(0)
        try await explore(seeds: 0..<7000) { test in
            var random = test.random
            let plans = (0..<3).map { _ in (0..<4).map { _ in Int.random(in: 0..<4, using: &random) } }
            let (refused, _) = try await Self.run(test, nodes: 4, plans: plans)
            refusals.add(refused, ordering: .relaxed)
        }
        // Replays of one seed may have none.
        #expect(refusals.load(ordering: .relaxed) > 0 || Self.isReplay)
    }

    @Test("all close one circle at once: exactly one is refused")
    func together() async throws {
        try await explore(seeds: 0..<1000) { test in
            let count = 2 + Int(test.seed % 5)
            let (refused, depths) = try await Self.run(
                test, nodes: count, plans: (0..<count).map { [$0, ($0 + 1) % count] })
            // Where a handler had ended before the circle was closed, none is.
            try #require(refused <= 1 && depths.reduce(0, +) == count - refused)
        }
    }

    private static var isReplay: Bool { ProcessInfo.processInfo.environment["MT_SEED"] != nil }
}
