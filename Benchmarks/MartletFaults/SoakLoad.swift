// SPDX-License-Identifier: Apache-2.0
// F28: the mixed load of a soak. Not its reports: Soak.swift.

import Histogram
import Martlet

/// What the load's tasks count together; the reporter reads and empties the latencies each interval.
final class SoakCounters: Sendable {
    let operations = Tally(), crashes = Tally(), kills = Tally(), timeouts = Tally()
    let timersFired = Tally(), timersCancelled = Tally(), refused = Tally()
    /// Each is a fault: F7, F9, F10.
    let disorder = Tally(), wrongReplies = Tally(), earlyTimers = Tally(), lateCancels = Tally(), failures = Tally()
    /// Of a fixed size: a soak that kept every sample would measure its own memory.
    private let sample = _Locked(
        Histogram<UInt64>(
            lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .two))

    func add(nanoseconds latencies: [UInt64]) {
        sample.withLock { sample in for latency in latencies { sample.record(latency) } }
    }
    /// p50 and p99 in milliseconds since the last call.
    func takeLatencies() -> (p50: Double, p99: Double) {
        sample.withLock { sample in
            defer { sample.reset() }
            return (Double(sample.valueAtPercentile(50)) / 1e6, Double(sample.valueAtPercentile(99)) / 1e6)
        }
    }
    /// Whether every part of the load has done something; a busy machine may take longer than a short soak.
    var hasSeenAll: Bool { activities.allSatisfy { $0.tally.count > 0 } }
    var activities: [(name: String, tally: Tally)] {
        [
            ("operations", operations), ("crashes", crashes), ("kills", kills), ("timers", timersFired),
            ("refusals", refused),
        ]
    }
    var violations: Int {
        disorder.count + wrongReplies.count + earlyTimers.count + lateCancels.count + failures.count
    }
}

/// A server that does a bit of everything.
struct SoakServer: GenServer {
    enum Call {
        case echo(Int, From<Int>)
        case defer_(Int, after: Duration, From<Int>)
        case crash(From<Int>)
    }
    enum Cast { case next(sender: Int, Int), arm(Duration), block(microseconds: Int) }
    enum Message: Sendable { case answer(Int), alarm(Int, due: UInt64) }
    struct Crash: Error {}

    private let counters: SoakCounters
    private var expected: [Int: Int] = [:]
    private var deferred: [Int: From<Int>] = [:]
    private var alarms: [Int: TimerRef] = [:]
    private var lastAlarm = 0, lastDeferred = 0

    init(_ counters: SoakCounters) { self.counters = counters }

    mutating func handleCall(_ call: Call) throws -> Next {
        switch call {
        case .echo(let number, let from): return from.reply(number)
        case .defer_(let number, let delay, let from):
            lastDeferred += 1
            // The number asked for travels in the key; replies are checked by the caller.
            deferred[lastDeferred << 20 | number & 0xFFFFF] = from
            Self.current.sendAfter(delay, .answer(lastDeferred << 20 | number & 0xFFFFF))
            return .wait
        case .crash: throw Crash()
        }
    }

    mutating func handleCast(_ cast: Cast) -> Next {
        switch cast {
        case .next(let sender, let number):
            if number != expected[sender, default: 0] { counters.disorder.add() }
            expected[sender] = number + 1
        case .arm(let delay): arm(delay)
        case .block(let microseconds):
            let end = monotonicNow() + UInt64(microseconds) * 1_000
            if microseconds % 2 == 0 {
                Runtime.blocking { while monotonicNow() < end {} }
            } else {
                while monotonicNow() < end {}
            }
        }
        return .wait
    }

    /// Arms one alarm, and cancels another now and then.
    private mutating func arm(_ delay: Duration) {
        lastAlarm += 1
        let nanoseconds = UInt64(delay.components.attoseconds / 1_000_000_000)
        let due = monotonicNow() + nanoseconds
        alarms[lastAlarm] = Self.current.sendAfter(delay, .alarm(lastAlarm, due: due))
        if lastAlarm % 3 == 0, let (number, timer) = alarms.first, timer.cancel() != nil {
            alarms[number] = nil
            counters.timersCancelled.add()
        }
    }

    mutating func handleInfo(_ info: Info<Message>) -> Next {
        switch info {
        case .message(.answer(let key)):
            deferred.removeValue(forKey: key)?.reply(key & 0xFFFFF)
        case .message(.alarm(let number, let due)):
            if monotonicNow() < due { counters.earlyTimers.add() }
            if alarms.removeValue(forKey: number) == nil {
                counters.lateCancels.add()
            } else {
                counters.timersFired.add()
            }
        default: break
        }
        return .wait
    }
}

/// The tasks of the load: each works in bursts and sleeps a little, so that the machine is busy and not flooded.
struct SoakLoad {
    /// For a call that must be answered: a machine that is busy with other things is no fault.
    private static let patience = Duration.seconds(60)

    let runtime: Runtime
    let counters: SoakCounters
    let end: Flag

    /// Runs until told to end.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                let executor: (any TaskExecutor)? = number % 2 == 0 ? runtime.executor : nil
                group.addTask(executorPreference: executor) { try await calls(number) }
                group.addTask(executorPreference: executor) { try await casts(number) }
            }
            group.addTask(executorPreference: runtime.executor) { try await lateReplies() }
            group.addTask { try await timers() }
            for number in 0..<2 { group.addTask { try await lives(number) } }
            group.addTask { try await overload() }
            group.addTask { try await longHandlers() }
            try await group.waitForAll()
        }
    }

    private func bursts(_ pause: Duration = .milliseconds(2), _ body: () async throws -> Void) async throws {
        while !end.isUp {
            try await body()
            try await Task.sleep(for: pause)
        }
    }

    private func start() async throws -> SoakServer.Ref { try await SoakServer.start(counters) }

    private func calls(_ number: Int) async throws {
        let server = try await start()
        var last = number
        try await bursts {
            var latencies: [UInt64] = []
            for index in 0..<200 {
                last += 1
                let begin = index % 20 == 0 ? monotonicNow() : 0
                let reply = try await server.call(timeout: Self.patience) { .echo(last, $0) }
                if begin != 0 { latencies.append(monotonicNow() - begin) }
                if reply != last { counters.wrongReplies.add() }
            }
            counters.operations.add(200)
            counters.add(nanoseconds: latencies)
        }
        try await server.stop()
    }

    private func casts(_ sender: Int) async throws {
        let servers = [try await start(), try await start()]
        var last = 0
        try await bursts {
            for _ in 0..<200 {
                for server in servers { server.cast(.next(sender: sender, last)) }
                last += 1
            }
            counters.operations.add(400)
            // Behind them: so that no queue grows without end.
            for server in servers { _ = try await server.call(timeout: Self.patience) { .echo(1, $0) } }
        }
        for server in servers { try await server.stop() }
    }

    private func lateReplies() async throws {
        let server = try await start()
        var last = 0
        try await bursts {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    last += 1
                    let number = last & 0xFFFFF
                    group.addTask {
                        do throws(CallError) {
                            let reply = try await server.call(timeout: .milliseconds(3)) {
                                .defer_(number, after: .milliseconds(3), $0)
                            }
                            if reply != number { counters.wrongReplies.add() }
                        } catch {
                            if case .timeout = error.reason { counters.timeouts.add() } else { counters.failures.add() }
                        }
                    }
                }
            }
            counters.operations.add(8)
        }
        try await server.stop()
    }

    private func timers() async throws {
        let server = try await start()
        var last = 0
        try await bursts {
            for _ in 0..<50 {
                last += 1
                server.cast(.arm(.microseconds(last &* 7_919 % 40_000)))
            }
            counters.operations.add(50)
        }
        try await server.stop()
    }

    /// Births, crashes, kills and stops.
    private func lives(_ number: Int) async throws {
        var last = number
        try await bursts {
            for _ in 0..<10 {
                let server = try await start()
                last += 1
                switch last % 3 {
                case 0:
                    do throws(CallError) {
                        _ = try await server.call(timeout: Self.patience) { .crash($0) }
                    } catch {
                        if case .exited(.error(is SoakServer.Crash)) = error.reason {
                            counters.crashes.add()
                        } else {
                            counters.failures.add()
                        }
                    }
                case 1:
                    server.pid.kill()
                    _ = try await server.pid.waitForExit()
                    counters.kills.add()
                default: try await server.stop()
                }
            }
            counters.operations.add(10)
        }
    }

    private func overload() async throws {
        var servers: [SoakServer.Ref] = []
        for overflow in [MailboxPolicy.Overflow.reject, .dropNewest, .dropOldest] {
            let options = StartOptions(mailbox: .bounded(64, whenFull: overflow))
            servers.append(try await SoakServer.start(counters, options: options))
        }
        try await bursts {
            for _ in 0..<200 {
                for server in servers {
                    switch server.cast(.block(microseconds: 0)) {
                    case .queued: break
                    case .full, .displacedOldest: counters.refused.add()
                    case .noProcess: counters.failures.add()
                    }
                }
            }
            counters.operations.add(600)
        }
        for server in servers { try await server.stop() }
    }

    /// Handlers that hold their thread for 15 ms, with and without saying so.
    private func longHandlers() async throws {
        let servers = [try await start(), try await start()]
        try await bursts(.milliseconds(250)) {
            servers[0].cast(.block(microseconds: 15_000))
            servers[1].cast(.block(microseconds: 15_001))
            counters.operations.add(2)
        }
        for server in servers { try await server.stop() }
    }
}
