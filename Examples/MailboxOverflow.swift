// SPDX-License-Identifier: Apache-2.0
// Disaster 2: a million messages for a counter that is busy. Without a bound its mailbox takes them all. With one, what
// it does not take is counted, and a sender that would rather wait than lose a message can. Resident memory at its
// highest, once, in a debug build: 62 MB more without a bound, 1 MB more with one of 1,024.
//
// See it run: swift test --filter MailboxOverflowExample

import Martlet

/// Counts casts once it has time to: asynchronous, so that waiting costs no thread.
struct BusyCounter: AsyncGenServer {
    enum Cast { case increment }

    struct Settings {
        /// It is busy until this ends.
        var work: AsyncStream<Void>
        /// Where it leaves its count when it is stopped.
        var report: AsyncStream<Int>.Continuation
    }

    private let settings: Settings
    private var count = 0

    init(_ settings: Settings) async { self.settings = settings }

    /// The work comes before any message.
    var afterInit: Next { .continue }

    mutating func handleContinue() async -> Next {
        for await _ in settings.work {}
        return .wait
    }

    mutating func handleCast(_ cast: Cast) async -> Next {
        switch cast {
        case .increment: count += 1
        }
        return .wait
    }

    mutating func terminate(_ reason: ExitReason) async { settings.report.yield(count) }
}

/// What became of many messages.
struct Flood: Equatable {
    var queued = 0
    /// Queued, and the oldest dropped for it.
    var displacing = 0
    var refused = 0
    /// The most that were seen in the mailbox.
    var longest = 0
    /// What the counter counted in the end.
    var counted = 0
}

/// Sends `count` casts to a counter that is busy meanwhile, and is not asked for anything else.
func flood(_ count: Int, _ mailbox: MailboxPolicy) async throws -> Flood {
    let (work, end) = AsyncStream.makeStream(of: Void.self)
    let (counts, report) = AsyncStream.makeStream(of: Int.self)
    let counter = try await BusyCounter.start(
        .init(work: work, report: report), options: StartOptions(mailbox: mailbox))
    var flood = Flood()
    for _ in 0..<count {
        switch counter.cast(.increment) {
        case .queued: flood.queued += 1
        case .displacedOldest: flood.displacing += 1
        case .full, .noProcess: flood.refused += 1
        }
    }
    flood.longest = flood.queued  // none was taken out yet, and who displaces takes the room of another
    end.finish()
    try await counter.stop()  // behind all of them, and no mailbox is too full for it
    for await counted in counts.prefix(1) { flood.counted = counted }
    return flood
}

/// Sends `count` casts to a counter that is not busy, each when there is room.
func patientFlood(_ count: Int, capacity: Int) async throws -> Flood {
    let (work, end) = AsyncStream.makeStream(of: Void.self)
    let (counts, report) = AsyncStream.makeStream(of: Int.self)
    let counter = try await BusyCounter.start(
        .init(work: work, report: report),
        options: StartOptions(mailbox: .bounded(capacity, whenFull: .reject)))
    end.finish()
    var flood = Flood()
    for _ in 0..<count {
        try await counter.castWaiting(.increment, timeout: nil)
        flood.queued += 1
        if flood.queued.isMultiple(of: 100) {
            flood.longest = max(flood.longest, counter.pid.status?.mailboxCount ?? 0)
        }
    }
    try await counter.stop()
    for await counted in counts.prefix(1) { flood.counted = counted }
    return flood
}

func mailboxOverflowTour(messages count: Int = 1_000_000, output: Output = terminal) async throws {
    func say(_ how: String, _ flood: Flood) {
        output(
            "\(how): \(flood.queued) queued, \(flood.displacing) in place of others, \(flood.refused) refused; "
                + "\(flood.counted) counted")
    }
    say("Unbounded", try await flood(count, .unbounded(highWater: .max)))
    say("Reject", try await flood(count, .bounded(1_024, whenFull: .reject)))
    say("Drop the oldest", try await flood(count, .bounded(1_024, whenFull: .dropOldest)))
    let patient = try await patientFlood(count, capacity: 1_024)
    say("Wait", patient)
    output("Wait: never more than 1024 in the mailbox: \(patient.longest <= 1_024)")
}
