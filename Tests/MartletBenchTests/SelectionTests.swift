// SPDX-License-Identifier: Apache-2.0
// What --only accepts, and what it says to the rest.

import MartletBenchCore
import Testing

@Suite("Selection by --only")
struct SelectionTests {
    private let workloads: [Workload] = [.call(clients: 1), .call(clients: 8), .cast(producers: 1)]
    private let variants: [FakeVariant] = [FakeVariant(name: "baseline.actor"), FakeVariant(name: "martlet.pool")]

    private func select(_ names: String...) throws -> (workloads: [Workload], variants: [String]) {
        let selection = try Selection(only: names, workloads: workloads, variants: variants)
        return (selection.workloads, selection.variants.map(\.name))
    }

    @Test("nothing selects everything")
    func everything() throws {
        let selected = try select()
        #expect(selected.workloads == workloads)
        #expect(selected.variants == ["baseline.actor", "martlet.pool"])
    }

    @Test("a workload, a workload with parameters, a variant, and any of them together")
    func names() throws {
        #expect(try select("call").workloads == [.call(clients: 1), .call(clients: 8)])
        #expect(try select("cast", "call/clients=8").workloads == [.call(clients: 8), .cast(producers: 1)])
        let both = try select("martlet.pool", "cast")
        #expect(both.workloads == [.cast(producers: 1)])
        #expect(both.variants == ["martlet.pool"])
    }

    @Test("an unknown name is an error that lists the known ones")
    func unknown() throws {
        let error = try #require(throws: SelectionError.self) { try select("call", "brew") }
        #expect(error.description.contains("unknown name 'brew'"))
        #expect(error.description.contains("Workloads: call, cast."))
        #expect(error.description.contains("Variants: baseline.actor, martlet.pool."))
    }

    @Test("the list shows units, variants and the reasons for what is not done")
    func list() throws {
        let skipping = FakeVariant(name: "baseline.none", skips: "absurd")
        let selection = try Selection(only: ["cast"], workloads: workloads, variants: [skipping])
        let text = Listing.text(selection)
        #expect(text.contains("cast/producers=1 (ns a cast, handled)"))
        #expect(text.contains("cast/producers=1 by baseline.none: absurd"))
    }
}
