// SPDX-License-Identifier: Apache-2.0
// Publish and subscribe over a registry.

import Martlet
import Testing

@testable import Examples

@Suite("NewsDeskExample")
struct NewsDeskExampleTests {
    @Test("the tour shows who hears what, and that the dead hear nothing")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { _ in try await newsDeskTour(output: lines.output) }
        #expect(lines.all == ["2", "1", #"["Two all", "Rain"]"#, "1"])
    }

    @Test("a reader does not start without a registry")
    func notStarted() async throws {
        try await withExampleRuntime { _ in
            do throws(StartError) {
                _ = try await Reader.start(["sport"])
                Issue.record("it started")
            } catch .failed(let error) {
                guard case RegistryError.notStarted? = error as? RegistryError else { throw error }
            } catch { Issue.record(error) }
        }
    }
}
