// SPDX-License-Identifier: Apache-2.0
// What counts as a failure, how a reason prints, and its size.

import Testing

@testable import Martlet

@Suite("ExitReason")
struct ExitReasonTests {
    struct Leak: Error, CustomStringConvertible {
        let password = "hunter2"
        var description: String { "wrong password \(password)" }
    }

    /// Made anew each time: an indirect case tags its pointer, and a leak checker does not find what a global holds so.
    static var leaking: [ExitReason] { [.error(Leak()), .shutdownWith(Leak()), .shutdownWith("hunter2")] }

    @Test("it is one word, also as an optional")
    func layout() {
        #expect(MemoryLayout<ExitReason>.size == 8)
        #expect(MemoryLayout<ExitReason?>.size == 8)
    }

    @Test("normal and the two shutdowns are no failures, all else is")
    func isAbnormal() {
        for reason in [ExitReason.normal, .shutdown, .shutdownWith(7)] { #expect(!reason.isAbnormal) }
        for reason in [ExitReason.killed, .noProcess, .error(Leak())] { #expect(reason.isAbnormal) }
    }

    @Test(
        "it prints its case, and the type of a value",
        arguments: [
            (.normal, "normal"), (.shutdown, "shutdown"), (.shutdownWith(7), "shutdown (Int)"), (.killed, "killed"),
            (.noProcess, "no process"), (.error(Leak()), "error (Leak)"),
        ] as [(ExitReason, String)])
    func prints(reason: ExitReason, text: String) {
        #expect("\(reason)" == text)
        #expect(String(reflecting: reason) == text)
    }

    @Test("no printed form shows the value, whatever it is nested in", arguments: leaking)
    func leaksNoValue(reason: ExitReason) {
        let optional: ExitReason? = reason
        let texts = [
            "\(reason)", String(reflecting: reason), String(describing: optional), "\([reason])",
            "\(["key": reason])", "\(Result<Int, ExitSignal>.failure(ExitSignal(reason)))",
        ]
        for text in texts { #expect(!text.contains("hunter2")) }
    }

    @Test("the value survives in the case")
    func carriesValue() {
        guard case .shutdownWith(let value) = ExitReason.shutdownWith([1, 2, 3]) else {
            Issue.record("expected shutdownWith")
            return
        }
        #expect(value as? [Int] == [1, 2, 3])
    }

    @Test("only cases without a value compare as the same")
    func samePlainCase() {
        let plain: [ExitReason] = [.normal, .shutdown, .killed, .noProcess]
        for (i, first) in plain.enumerated() {
            for (j, second) in plain.enumerated() { #expect(first.isSamePlainCase(as: second) == (i == j)) }
        }
        #expect(!ExitReason.error(Leak()).isSamePlainCase(as: .error(Leak())))
        #expect(!ExitReason.shutdownWith(1).isSamePlainCase(as: .shutdownWith(1)))
        #expect(!ExitReason.shutdown.isSamePlainCase(as: .shutdownWith(1)))
    }
}
