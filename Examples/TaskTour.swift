// SPDX-License-Identifier: Apache-2.0
// Work without a server: in a process of its own, which one can wait for, end, supervise and crash.
//
// See it run: swift test --filter TaskTourExample

import Martlet

struct NotFound: Error {}

/// A page, as slow as its number.
@Sendable func fetch(_ page: Int) async throws -> String {
    for _ in 0..<page { await Task.yield() }
    if page == 3 { throw NotFound() }
    return "page \(page)"
}

func taskTour(output: Output = terminal) async throws {
    // The value is taken once, and never enters a mailbox.
    let task = Tasks.async { try await fetch(1) }
    output(try await task.value(timeout: .seconds(1)))

    // Look now and then, in the end give up.
    let endless = Tasks.async { () -> String in
        while true { try await Task.sleep(for: .seconds(1)) }
    }
    output(try await endless.yield() ?? "not yet")
    output(try await endless.shutdown() ?? "ended")

    // Many, two at a time, in order; one that fails is a failure of that one.
    for await result in Tasks.stream(1...4, concurrency: 2, fetch) {
        switch result {
        case .success(let page): output(page)
        case .failure(let error): output("\(error)")
        }
    }

    // Under a supervisor, which they end with; a crash of an unlinked one spares its owner.
    let workers = try await TaskSupervisor.start(.init(maxChildren: 10))
    let other = try workers.async(linked: false) { try await fetch(3) }
    do throws(TaskError) {
        output(try await other.value())
    } catch {
        output("\(error)")
    }
    try await workers.stop()
}
