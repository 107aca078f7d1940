// SPDX-License-Identifier: Apache-2.0
// Casts are seen by the next call.

import Martlet
import Testing

@testable import Examples

@Suite("NotificationQueueExample")
struct NotificationQueueExampleTests {
    @Test("the tour shows both notifications, newest first")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { _ in try await notificationTour(output: lines.output) }
        #expect(lines.all == ["queued", #"["SMS notification", "Email notification"]"#])
    }

    @Test("a call sees every cast that its caller made before")
    func order() async throws {
        try await withExampleRuntime { _ in
            let queue = try await NotificationQueue.start()
            for n in 1...1_000 {
                queue.enqueue("\(n)")
                if n.isMultiple(of: 100) { #expect(try await queue.all().first == "\(n)") }
            }
            #expect(try await queue.all() == (1...1_000).reversed().map(String.init))
        }
    }

    @Test("there is one queue of that name")
    func secondStart() async throws {
        try await withExampleRuntime { _ in
            let first = try await NotificationQueue.start(name: NotificationQueue.name)
            do throws(StartError) {
                _ = try await NotificationQueue.start(name: NotificationQueue.name)
                Issue.record("a second queue started")
            } catch .alreadyStarted(let holder) {
                #expect(holder == first.pid)
            } catch {
                Issue.record(error)
            }
        }
    }

    @Test("who enqueues to nobody is told, and nothing fails")
    func nobody() async throws {
        try await withExampleRuntime { _ in
            let outcome = NotificationQueue.name.enqueue("Push notification")
            guard case .noProcess = outcome else {
                Issue.record("expected noProcess, got \(outcome)")
                return
            }
        }
    }
}
