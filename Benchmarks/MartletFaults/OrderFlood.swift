// SPDX-License-Identifier: Apache-2.0
// F7: what one sender sends to one receiver arrives in order, once, casts, sends and calls alike, the stop last.

import Martlet

/// Many senders, many receivers, every pair numbered.
public enum OrderFlood {
    /// What receivers find, when they end.
    final class Findings: Sendable {
        let received = Tally(), violations = Tally(), late = Tally()
    }

    struct Receiver: GenServer {
        enum Call { case next(sender: Int, Int, From<Int>) }
        enum Cast { case next(sender: Int, Int) }
        typealias Message = Int

        private let senders: Int
        private let findings: Findings
        private var expected: [Int]
        private var received = 0, violations = 0

        init(_ argument: (senders: Int, findings: Findings)) {
            (senders, findings) = argument
            expected = Array(repeating: 0, count: senders)
        }

        private mutating func take(_ sender: Int, _ number: Int) {
            received += 1
            if number != expected[sender] { violations += 1 }
            expected[sender] = number + 1
        }

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .next(let sender, let number, let from):
                take(sender, number)
                return from.reply(number)
            }
        }

        mutating func handleCast(_ cast: Cast) -> Next {
            switch cast {
            case .next(let sender, let number): take(sender, number)
            }
            return .wait
        }

        mutating func handleInfo(_ info: Info<Int>) -> Next {
            if case .message(let number) = info { take(number % senders, number / senders) }
            return .wait
        }

        mutating func terminate(_ reason: ExitReason) {
            findings.received.add(received)
            findings.violations.add(violations)
        }
    }

    /// - Parameters:
    ///   - count: messages in all.
    ///   - senders: half of them on the runtime, half on Swift's own pool.
    public static func run(count: Int, senders: Int = 16, receivers: Int = 16) async -> FaultReport {
        await withFaultRuntime("F7") { runtime, report in
            let findings = Findings()
            var refs: [Receiver.Ref] = []
            for _ in 0..<receivers { refs.append(try await Receiver.start((senders, findings))) }
            let all = refs
            let perPair = count / (senders * receivers)
            let (_, seconds) = try await timed {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<senders {
                        let executor: (any TaskExecutor)? = sender % 2 == 0 ? runtime.executor : nil
                        group.addTask(executorPreference: executor) {
                            for number in 0..<perPair {
                                for receiver in all { try await send(number, from: sender, of: senders, to: receiver) }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                // A stop comes behind all that was sent before it.
                for receiver in all { try await receiver.stop(timeout: .seconds(60)) }
            }
            let sent = perPair * senders * receivers
            report.measure("sent", sent)
            report.measure("messages_per_s", Double(sent) / seconds)
            report.measure("violations", findings.violations.count)
            report.expectEqual(findings.received.count, sent, "received = sent")
            report.expectEqual(findings.violations.count, 0, "messages out of order")
        }
    }

    private static func send(_ number: Int, from sender: Int, of senders: Int, to receiver: Receiver.Ref) async throws {
        switch (number &* 7 &+ sender) % 16 {
        case 0: _ = try await receiver.call(timeout: nil) { .next(sender: sender, number, $0) }
        case 1...5: receiver.send(number * senders + sender)
        default: receiver.cast(.next(sender: sender, number))
        }
    }
}
