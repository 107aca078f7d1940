// SPDX-License-Identifier: Apache-2.0
// Matching a reason in a catch, the printed line, and the size.

import Testing

@testable import Martlet

@Suite("CallError")
struct CallErrorTests {
    struct Leak: Error { let password = "hunter2" }

    static let plain: [CallError.Reason] = [
        .timeout, .noProcess, .callingSelf, .overloaded, .cancelled, .wouldBlockPool,
    ]

    private func failedCall(_ reason: CallError.Reason) throws(CallError) {
        throw CallError(reason: reason, target: Pid(raw: 7), request: "Counter.increment")
    }

    private func error(_ reason: CallError.Reason) -> CallError {
        CallError(reason: reason, target: Pid(raw: 7), request: "Counter.increment")
    }

    @Test("it is 40 bytes, so that its reason is one word")
    func layout() {
        #expect(MemoryLayout<CallError>.size == 40)
        #expect(MemoryLayout<CallError.Reason>.size == 8)
    }

    @Test("catch .timeout matches a timeout and passes by the rest")
    func catchByReason() {
        func caught(_ reason: CallError.Reason) -> String {
            do {
                try failedCall(reason)
                return "nothing"
            } catch .timeout {
                return "timeout"
            } catch .exited(.killed) {
                return "killed"
            } catch {
                return "other: \(error.reason)"
            }
        }
        #expect(caught(.timeout) == "timeout")
        #expect(caught(.exited(.killed)) == "killed")
        #expect(caught(.exited(.normal)) == "other: exited: normal")
        #expect(caught(.noProcess) == "other: no process")
    }

    @Test("each reason without a value matches itself only")
    func matching() {
        for (i, expected) in Self.plain.enumerated() {
            for (j, actual) in Self.plain.enumerated() { #expect((expected ~= error(actual)) == (i == j)) }
            #expect(!(expected ~= error(.exited(.normal))))
            #expect(!(expected ~= error(.cycle([]))))
        }
    }

    @Test("exits match by their reason, never by a value in it; cycles match by their processes")
    func matchingValues() {
        #expect(CallError.Reason.exited(.shutdown) ~= error(.exited(.shutdown)))
        #expect(!(CallError.Reason.exited(.shutdown) ~= error(.exited(.normal))))
        #expect(!(CallError.Reason.exited(.error(Leak())) ~= error(.exited(.error(Leak())))))
        let pids = [Pid(raw: 1), Pid(raw: 2)]
        #expect(CallError.Reason.cycle(pids) ~= error(.cycle(pids)))
        #expect(!(CallError.Reason.cycle(pids) ~= error(.cycle(pids.reversed()))))
    }

    @Test("it prints request, target and reason on one line")
    func prints() {
        let pid = Pid(raw: 7)
        #expect("\(error(.timeout))" == "call of Counter.increment to \(pid) failed: timeout")
        #expect(String(reflecting: error(.timeout)) == "\(error(.timeout))")
        let nowhere = CallError(reason: .noProcess, target: nil, request: "Counter.get")
        #expect("\(nowhere)" == "call of Counter.get to no process failed: no process")
    }

    @Test("a cycle prints its processes in order")
    func printsCycle() {
        let (first, second) = (Pid(raw: 1), Pid(raw: 2))
        #expect("\(CallError.Reason.cycle([first, second]))" == "cycle: \(first) -> \(second)")
    }

    @Test("every reason prints differently, on one line")
    func reasonsDiffer() {
        let all = Self.plain + [.exited(.normal), .exited(.killed), .cycle([Pid(raw: 1)])]
        let texts = all.map { "\($0)" }
        #expect(Set(texts).count == all.count)
        for text in texts { #expect(!text.isEmpty && !text.contains("\n")) }
    }

    @Test("its printed form leaks no value")
    func leaksNoValue() {
        for reason in [ExitReason.error(Leak()), .shutdownWith("hunter2")] {
            let error: any Error = error(.exited(reason))
            #expect(!"\(error)".contains("hunter2"))
            #expect(!String(reflecting: error).contains("hunter2"))
            #expect(!"\(Result<Int, any Error>.failure(error))".contains("hunter2"))
        }
    }
}
