// SPDX-License-Identifier: Apache-2.0
// How a failed start prints, and what init throws to make one.

import Testing

@testable import Martlet

@Suite("StartError, Ignore and Refusal")
struct StartErrorTests {
    struct Leak: Error { let password = "hunter2" }

    @Test("it prints its case, and the type of an error")
    func prints() {
        let pid = Pid(raw: 7)
        let all: [StartError] = [
            .alreadyStarted(pid), .ignored, .failed(Leak()), .exited(.killed), .timeout, .systemLimit, .shutDown,
        ]
        #expect(
            all.map { "\($0)" } == [
                "already started: \(pid)", "ignored", "failed (Leak)", "exited: killed", "timeout", "system limit",
                "runtime shut down",
            ])
    }

    @Test("no printed form of a failure to start leaks the error's value")
    func leaksNoValue() {
        let errors: [any Error] = [
            StartError.failed(Leak()), StartError.exited(.error(Leak())), Refusal(Leak()),
            StartError.failed(Refusal(Leak())),
        ]
        for error in errors {
            #expect(!"\(error)".contains("hunter2"))
            #expect(!String(reflecting: error).contains("hunter2"))
        }
    }

    @Test("a refusal carries its error")
    func refusal() {
        #expect(Refusal(Leak()).error is Leak)
        #expect("\(Refusal(Leak()))" == "refusal (Leak)")
    }

    @Test("an ignore is told apart from other errors by its type")
    func ignore() {
        #expect(throws: Ignore.self) { throw Ignore() }
    }
}
