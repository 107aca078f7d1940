// SPDX-License-Identifier: Apache-2.0
// F9: a reply that races with the call's timeout is delivered, or is late and counted; never both, never to another
// call.

import Martlet

/// Calls whose reply comes at the moment they give up.
public enum LateReplies {
    private static let limit = Duration.milliseconds(2)

    struct Replier: GenServer {
        enum Call { case ask(Int, From<Int>) }
        typealias Message = Int

        private var waiting: [Int: From<Int>] = [:]
        private let answered: Tally

        init(_ answered: Tally) { self.answered = answered }

        mutating func handleCall(_ call: Call) -> Next {
            switch call {
            case .ask(let number, let from):
                waiting[number] = from
                // In the tick of the deadline, or in the one before.
                let left = from.remaining ?? .zero
                Self.current.sendAfter(number % 2 == 0 ? left : left - .milliseconds(1), number)
                return .wait
            }
        }

        mutating func handleInfo(_ info: Info<Int>) -> Next {
            guard case .message(let number) = info, let from = waiting.removeValue(forKey: number) else { return .wait }
            from.reply(number)
            answered.add()
            return .wait
        }
    }

    private struct Outcomes {
        var answered = 0, timeouts = 0, others = 0, wrong = 0
    }

    /// - Parameters:
    ///   - count: calls.
    ///   - width: callers beside each other.
    public static func run(count: Int, width: Int = 512) async -> FaultReport {
        await withFaultRuntime("F9") { runtime, report in
            let answered = Tally()
            let servers = try await start(8, answered)
            let perCaller = count / width
            var outcomes = Outcomes()
            await withTaskGroup(of: Outcomes.self) { group in
                for caller in 0..<width {
                    let executor: (any TaskExecutor)? = caller % 2 == 0 ? runtime.executor : nil
                    group.addTask(executorPreference: executor) {
                        await call(servers[caller % servers.count], caller * perCaller, perCaller)
                    }
                }
                for await one in group {
                    outcomes.answered += one.answered
                    outcomes.timeouts += one.timeouts
                    outcomes.others += one.others
                    outcomes.wrong += one.wrong
                }
            }
            for server in servers { try await server.stop(timeout: .seconds(60)) }
            let calls = perCaller * width
            let dead = runtime.deadLetterCounts
            let (late, expired) = (Int(dead[.lateReply] ?? 0), Int(dead[.expired] ?? 0))
            report.measure("calls", calls)
            report.measure("answered", outcomes.answered)
            report.measure("timeouts", outcomes.timeouts)
            report.measure("late_replies", late)
            report.measure("expired_in_queue", expired)
            report.expectEqual(outcomes.wrong, 0, "replies that were another call's")
            report.expectEqual(outcomes.others, 0, "calls that ended otherwise")
            report.expectEqual(outcomes.answered + outcomes.timeouts, calls, "each call ends once")
            report.expectEqual(late + expired + unanswered(calls, expired, answered), outcomes.timeouts, "late replies")
        }
    }

    /// Requests that were with a server when it was stopped: their timer had not come yet.
    private static func unanswered(_ calls: Int, _ expired: Int, _ answered: Tally) -> Int {
        calls - expired - answered.count
    }

    private static func start(_ count: Int, _ answered: Tally) async throws -> [Replier.Ref] {
        var servers: [Replier.Ref] = []
        for _ in 0..<count { servers.append(try await Replier.start(answered)) }
        return servers
    }

    private static func call(_ server: Replier.Ref, _ first: Int, _ count: Int) async -> Outcomes {
        var outcomes = Outcomes()
        for number in first..<first + count {
            do throws(CallError) {
                let reply = try await server.call(timeout: limit) { .ask(number, $0) }
                if reply == number { outcomes.answered += 1 } else { outcomes.wrong += 1 }
            } catch {
                if case .timeout = error.reason { outcomes.timeouts += 1 } else { outcomes.others += 1 }
            }
        }
        return outcomes
    }
}
