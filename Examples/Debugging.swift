// SPDX-License-Identifier: Apache-2.0
// Looking at a running system: who there is, who has most to do, who waits for whom, who failed and why. None of it
// stops a process.
//
// See it run: swift test --filter DebuggingExample

import Martlet

/// Prints pages, one after the other, until it has no paper.
struct Printer: GenServer {
    struct OutOfPaper: Error {}
    enum Call { case print(pages: Int, From<Void>) }
    enum Cast { case refill(Int) }

    private var paper: Int
    private var queue: [(pages: Int, from: From<Void>)] = []

    init(_ paper: Int) { self.paper = paper }

    mutating func handleCall(_ call: Call) throws -> Next {
        switch call {
        case .print(let pages, _) where pages > 100:
            throw OutOfPaper()
        case .print(let pages, let from):
            queue.append((pages, from))
            return printNext()
        }
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        switch cast {
        case .refill(let sheets): paper += sheets
        }
        return printNext()
    }

    private mutating func printNext() -> Next {
        while let job = queue.first, job.pages <= paper {
            paper -= job.pages
            queue.removeFirst()
            job.from.reply()
        }
        return .wait
    }

    /// What a crash report shows: by default the type's name, as a state may hold secrets.
    func formatStatus() -> String { "\(paper) sheets, \(queue.count) jobs" }
}

func debuggingTour(output: @escaping Output = terminal) async throws {
    let runtime = Runtime.current
    let printer = try await Printer.start(10, name: "printer", options: StartOptions(label: "second floor"))
    for pages in 1...3 { try await printer.call { .print(pages: pages, $0) } }

    if let status = printer.pid.status {
        output("\(status.type), \(status.name ?? "no name"), \(status.label ?? "no label"): \(status.handled) handled")
    }
    for status in runtime.top(1, by: .handled) { output("busiest: \(status.type)") }

    // A client that waits, as there is not enough paper.
    let client = spawn(Never.self) { _ in
        Pid.setLabel("a client")
        try await printer.call { .print(pages: 20, $0) }
    }
    while runtime.waitGraph().isEmpty { await Task.yield() }
    for (caller, target) in runtime.waitGraph() {
        output("\(caller.status?.label ?? "?") waits for \(target.status?.label ?? "?")")
    }
    printer.cast(.refill(20))
    _ = try await client.pid.waitForExit()

    var reports = runtime.crashReports().makeAsyncIterator()
    try? await printer.call { .print(pages: 200, $0) }
    if let report = await reports.next() {
        output("\(report.process.label ?? "?") failed: \(report.reason) in \(report.message ?? "?")")
        output("with \(report.state)")
    }
}
