// SPDX-License-Identifier: Apache-2.0
// F13: ten times more messages than a server can handle: the mailbox stays within its bound, and every message that is
// not handled is known to its sender.

import Martlet

/// Producers that outrun a slow consumer, for each way to overflow.
public enum Overload {
    /// What a full mailbox does, or that the senders wait.
    public enum Policy: String, CaseIterable, Sendable {
        case reject, dropNewest, dropOldest, suspendSender
    }

    struct Letter: Sendable {
        let words: (Int, Int, Int, Int) = (1, 2, 3, 4)
    }

    struct Consumer: GenServer {
        enum Cast { case work(Letter) }

        private let handled: Tally

        init(_ handled: Tally) { self.handled = handled }

        mutating func handleCast(_ cast: Cast) -> Next {
            switch cast {
            case .work(let letter):
                // Some 10 us: what a tenth of the offered load allows.
                let end = monotonicNow() + 10_000
                while monotonicNow() < end {}
                handled.add(letter.words.0)
            }
            return .wait
        }
    }

    private struct Outcomes {
        var queued = 0, displaced = 0, full = 0, gone = 0

        mutating func add(_ outcome: SendOutcome) {
            switch outcome {
            case .queued: queued += 1
            case .displacedOldest: displaced += 1
            case .full: full += 1
            case .noProcess: gone += 1
            }
        }
        mutating func add(_ other: Outcomes) {
            queued += other.queued
            displaced += other.displaced
            full += other.full
            gone += other.gone
        }
    }

    /// - Parameters:
    ///   - policy: how the mailbox overflows.
    ///   - duration: of the overload.
    ///   - isAlone: nothing else runs in this process, so that its memory is the scenario's and may be judged.
    public static func run(
        _ policy: Policy, capacity: Int = 10_000, for duration: Duration, isAlone: Bool
    ) async -> FaultReport {
        await withFaultRuntime("F13") { runtime, report in
            let handled = Tally()
            let overflow: MailboxPolicy.Overflow =
                switch policy {
                case .reject, .suspendSender: .reject
                case .dropNewest: .dropNewest
                case .dropOldest: .dropOldest
                }
            let options = StartOptions(mailbox: .bounded(capacity, whenFull: overflow))
            let server = try await Consumer.start(handled, options: options)
            // Fills the pools of the threads first: what is measured is the mailbox.
            for _ in 0..<capacity { server.cast(.work(Letter())) }
            var known = Outcomes()
            known.queued = capacity
            let before = ProcessGauges.now.resident
            let end = Flag()
            async let peak = watch(until: end)
            await withTaskGroup(of: Outcomes.self) { group in
                for _ in 0..<2 {
                    group.addTask { await produce(server, waits: policy == .suspendSender, for: duration) }
                }
                for await outcomes in group { known.add(outcomes) }
            }
            end.raise()
            let growth = await peak - before
            try await server.stop(timeout: .seconds(60))
            let offered = known.queued + known.displaced + known.full + known.gone
            let bound = capacity * (MemoryLayout<Letter>.size + 64) * 11 / 10
            report.measure("offered", offered)
            report.measure("handled", handled.count)
            report.measure("refused_to_sender", known.full)
            report.measure("displaced", known.displaced)
            report.measure("overload_factor", Double(offered) / Double(max(1, handled.count)))
            report.measure("rss_growth_kib", growth / 1_024)
            report.measure("bound_kib", bound / 1_024)
            // The process has other memory than the mailbox: pools of each thread, the watcher's own.
            report.expect(
                !isAlone || growth <= bound + 4 << 20, "resident memory grew by \(growth) bytes, bound \(bound)")
            report.expectEqual(known.gone, 0, "sends to nobody")
            report.expectEqual(handled.count + known.full + known.displaced, offered, "every refusal is visible")
        }
    }

    private static func produce(_ server: Consumer.Ref, waits: Bool, for duration: Duration) async -> Outcomes {
        var outcomes = Outcomes()
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            for _ in 0..<64 {
                if waits {
                    do throws(CallError) {
                        try await server.castWaiting(.work(Letter()), timeout: nil)
                        outcomes.queued += 1
                    } catch {
                        outcomes.gone += 1
                    }
                } else {
                    outcomes.add(server.cast(.work(Letter())))
                }
            }
        }
        return outcomes
    }

    private static func watch(until end: Flag) async -> Int {
        var peak = 0
        while !end.isUp {
            peak = max(peak, ProcessGauges.now.resident)
            try? await Task.sleep(for: .milliseconds(20))
        }
        return max(peak, ProcessGauges.now.resident)
    }
}
