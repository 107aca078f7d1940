// SPDX-License-Identifier: Apache-2.0
// The first server does what the guide shows.

import Martlet
import Testing

@testable import Examples

@Suite("CounterExample")
struct CounterExampleTests {
    @Test("the tour prints 1, 2, 2 and after a reset 0")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { _ in try await counterTour(output: lines.output) }
        #expect(lines.all == ["1", "2", "2", "0"])
    }

    @Test("a second counter of that name does not start, and its starter is told of the first")
    func secondStart() async throws {
        try await withExampleRuntime { _ in
            let first = try await Counter.start(7, name: Counter.name)
            do throws(StartError) {
                _ = try await Counter.start(0, name: Counter.name)
                Issue.record("a second counter started")
            } catch .alreadyStarted(let holder) {
                #expect(holder == first.pid)
            } catch {
                Issue.record(error)
            }
            #expect(try await Counter.name.get() == 7)
        }
    }

    @Test("a counter that was stopped cannot be called, and its name is free")
    func stopped() async throws {
        try await withExampleRuntime { _ in
            let counter = try await Counter.start(0, name: Counter.name)
            try await counter.stop()
            do throws(CallError) {
                _ = try await counter.get()
                Issue.record("a stopped counter replied")
            } catch .noProcess {
            } catch {
                Issue.record(error)
            }
            #expect(Counter.name.ref == nil)
        }
    }

    @Test("after ten idle seconds it hibernates; a call wakes it with its count")
    func hibernates() async throws {
        try await withExampleRuntime { test in
            let counter = try await Counter.start(3)
            test.advance(.seconds(10) - .milliseconds(1))
            #expect(counter.pid.activity == "waiting")
            test.advance(.milliseconds(2))
            #expect(counter.pid.activity == "hibernating")
            #expect(try await counter.increment(by: 2) == 5)
            test.advance(.zero)
            #expect(counter.pid.activity == "waiting")
        }
    }
}
