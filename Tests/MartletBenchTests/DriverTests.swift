// SPDX-License-Identifier: Apache-2.0
// The driver on variants that cost what they say.

import Testing

@testable import MartletBenchCore

@Suite("The driver")
struct DriverTests {
    private let effort = Effort(rounds: 2, fixedRounds: 2, roundTarget: .milliseconds(2))

    private func run(_ workloads: [Workload], _ variants: [FakeVariant], _ environment: FakeEnvironment) async throws
        -> DriverReport
    {
        let selection = try Selection(only: [], workloads: workloads, variants: variants)
        return await Driver(effort: effort, environment: environment).run(selection)
    }

    @Test("rounds of the variants alternate, after each has been warmed up")
    func interleaving() async throws {
        let environment = FakeEnvironment()
        let variants = [FakeVariant(name: "a"), FakeVariant(name: "b", cost: 2000)]
        let report = try await run([.call(clients: 1)], variants, environment)
        // 2000 operations of 1 us, or 1000 of 2 us, fill the round of 2 ms; the warm-up has 2000.
        #expect(
            environment.record == [
                "here call a 2000", "here call b 2000", "here call a 2000", "here call b 1000", "here call a 2000",
                "here call b 1000",
            ])
        #expect(report.results.map(\.variant) == ["a", "b"])
        #expect(report.results.map(\.nsPerOp) == [1000, 2000])
    }

    @Test("a fixed count needs no warm-up and runs in a process of its own")
    func isolation() async throws {
        let environment = FakeEnvironment()
        let report = try await run([.spawn(servers: 50)], [FakeVariant(name: "a")], environment)
        #expect(environment.record == ["isolated spawn a 50", "isolated spawn a 50"])
        #expect(report.results.first?.extra == ["bytes_each": 8])
        #expect(report.results.first?.peakRSSBytes == 4096)
    }

    @Test("a wrong result is a failure of that variant alone; a skip is told with its reason")
    func failures() async throws {
        let variants = [
            FakeVariant(name: "good"), FakeVariant(name: "bad", fails: true),
            FakeVariant(name: "absent", skips: "absurd"),
        ]
        let report = try await run([.cast(producers: 2)], variants, FakeEnvironment())
        #expect(report.results.map(\.variant) == ["good"])
        #expect(report.failures.map(\.variant) == ["bad"])
        #expect(report.failures.map(\.error) == ["lost one"])
        #expect(report.skipped.map(\.variant) == ["absent"])
        #expect(report.skipped.map(\.reason) == ["absurd"])
    }

    @Test("every workload of both catalogues has a name of its own and a count that divides among its parties")
    func catalogue() {
        for quick in [true, false] {
            let catalogue = Workload.catalogue(quick: quick)
            #expect(Set(catalogue.map(\.id)).count == catalogue.count)
            for workload in catalogue {
                #expect(workload.firstOperations.isMultiple(of: workload.operationUnit), "\(workload.id)")
                #expect((workload.fixedOperations ?? 0).isMultiple(of: workload.operationUnit), "\(workload.id)")
            }
        }
    }

    @Test("the progress line says what is running, and warming up is not a round")
    func progress() {
        var progress = DriverProgress(
            workloadsDone: 2, workloadsTotal: 9, workload: .call(clients: 8), variant: "a", round: 0, rounds: 5)
        #expect(progress.line == "[3/9] call/clients=8 a warming up")
        progress.round = 4
        #expect(progress.line == "[3/9] call/clients=8 a round 4/5")
    }

    @Test("an unequal counter is a wrong result that says both values")
    func wrongResult() throws {
        try WrongResult.unless(3, is: 3, "casts")
        let error = try #require(throws: WrongResult.self) { try WrongResult.unless(2, is: 3, "casts") }
        #expect(error.description == "casts: expected 3, got 2")
    }
}
