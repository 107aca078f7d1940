// SPDX-License-Identifier: Apache-2.0
// F10: a timer fires once and never early, or was cancelled and never fires.

import Glibc
import Martlet

/// Timers that are armed and partly cancelled, each with its fate on record.
public enum TimerFates {
    /// What the servers find.
    final class Findings: Sendable {
        let armed = Tally(), fired = Tally(), cancelled = Tally()
        let early = Tally(), afterCancel = Tally(), twice = Tally()
    }

    struct Fated: Sendable { let number: Int, due: UInt64 }

    struct Alarms: GenServer {
        enum Call { case lateness(From<Latencies>) }
        enum Cast { case arm(Int, spread: Duration) }
        typealias Message = Fated

        private enum Fate { case armed(TimerRef), cancelled, fired }
        private let findings: Findings
        private var fates: [Fate] = []
        private var lateness = Latencies()
        private var random = SystemRandomNumberGenerator()

        init(_ findings: Findings) { self.findings = findings }

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .lateness(let from): from.reply(lateness)
            }
        }

        mutating func handleCast(_ cast: Cast) -> Next {
            switch cast {
            case .arm(let count, let spread):
                let nanoseconds =
                    spread.components.seconds * 1_000_000_000 + spread.components.attoseconds / 1_000_000_000
                for _ in 0..<count {
                    let delay = Int64.random(in: 0...nanoseconds, using: &random)
                    // Before the runtime reads its clock: due at this instant at the earliest.
                    let due = monotonicNow() + UInt64(delay)
                    let timer = Self.current.sendAfter(.nanoseconds(delay), Fated(number: fates.count, due: due))
                    fates.append(.armed(timer))
                }
                findings.armed.add(count)
                // A quarter of what is still to come, at random.
                for _ in 0..<count / 4 { cancel(Int.random(in: 0..<fates.count, using: &random)) }
            }
            return .wait
        }

        private mutating func cancel(_ number: Int) {
            guard case .armed(let timer) = fates[number], timer.cancel() != nil else { return }
            fates[number] = .cancelled
            findings.cancelled.add()
        }

        mutating func handleInfo(_ info: Info<Fated>) -> Next {
            guard case .message(let fated) = info else { return .wait }
            let now = monotonicNow()
            if now < fated.due { findings.early.add() } else { lateness.add(now - fated.due) }
            switch fates[fated.number] {
            case .armed: findings.fired.add()
            case .cancelled: findings.afterCancel.add()
            case .fired: findings.twice.add()
            }
            fates[fated.number] = .fired
            return .wait
        }
    }

    /// - Parameters:
    ///   - count: timers.
    ///   - spread: delays lie between 0 and this.
    public static func run(count: Int, spread: Duration = .milliseconds(500), id: String = "F10") async -> FaultReport {
        await withFaultRuntime(id) { runtime, report in
            let findings = Findings()
            let width = 16, batch = 250
            var servers: [Alarms.Ref] = []
            for _ in 0..<width { servers.append(try await Alarms.start(findings)) }
            let rounds = max(1, count / (width * batch))
            for _ in 0..<rounds { for server in servers { server.cast(.arm(batch, spread: spread)) } }
            let total = rounds * width * batch
            let isOver = await findings.armed.reaches(total)
            report.expect(isOver, "not all were armed within a minute")
            await onOwnThread {
                // An expired timer is no timer any more a moment before its message is in the mailbox.
                let deadline = monotonicNow() + 60_000_000_000
                while findings.fired.count + findings.cancelled.count < total, monotonicNow() < deadline {
                    usleep(5_000)
                }
            }
            var lateness = Latencies()
            for server in servers { lateness.add(try await server.call(timeout: .seconds(60)) { .lateness($0) }) }
            report.measure("timers", total)
            report.measure("fired", findings.fired.count)
            report.measure("cancelled", findings.cancelled.count)
            report.measure("early", findings.early.count)
            report.measure("fired_after_cancel", findings.afterCancel.count)
            report.measure("lateness_busy", lateness)
            report.expectEqual(findings.early.count, 0, "timers that fired early")
            report.expectEqual(findings.afterCancel.count, 0, "timers that fired after cancel returned the time left")
            report.expectEqual(findings.twice.count, 0, "timers that fired twice")
            report.expectEqual(findings.fired.count + findings.cancelled.count, total, "each timer has one fate")
            report.measure("lateness_idle", try await idleLateness())
        }
    }

    /// With nothing else to do, one timer after the other.
    private static func idleLateness() async throws -> Latencies {
        let server = try await Alarms.start(Findings())
        for _ in 0..<60 {
            server.cast(.arm(1, spread: .milliseconds(10)))
            await onOwnThread { _ = usleep(12_000) }
        }
        await onOwnThread { _ = usleep(20_000) }
        return try await server.call { .lateness($0) }
    }
}
