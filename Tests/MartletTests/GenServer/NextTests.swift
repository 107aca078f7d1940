// SPDX-License-Identifier: Apache-2.0
// What each factory stores.

import Testing

@testable import Martlet

@Suite("Next")
struct NextTests {
    /// The idle time stored; nil if it is another kind.
    private func idleNanoseconds(_ next: Next) -> Int64? {
        if case .idle(let nanoseconds) = next._kind { nanoseconds } else { nil }
    }

    @Test("it is 9 bytes")
    func layout() {
        #expect(MemoryLayout<Next>.size == 9)
    }

    @Test("each factory makes its kind")
    func kinds() {
        func name(_ next: Next) -> String {
            switch next._kind {
            case .wait: "wait"
            case .idle: "idle"
            case .hibernate: "hibernate"
            case .proceed: "continue"
            case .stop(let reason): "stop: \(reason)"
            }
        }
        let all: [Next] = [.wait, .wait(idle: .seconds(1)), .hibernate, .continue, .stop(), .stop(.shutdown)]
        #expect(all.map(name) == ["wait", "idle", "hibernate", "continue", "stop: normal", "stop: shutdown"])
    }

    @Test("an idle time is stored in nanoseconds, rounded up")
    func idle() {
        #expect(idleNanoseconds(.wait(idle: .milliseconds(10))) == 10_000_000)
        #expect(idleNanoseconds(.wait(idle: Duration(secondsComponent: 0, attosecondsComponent: 1))) == 1)
    }

    @Test("a negative idle time counts as zero, and one beyond 292 years as 292 years")
    func idleExtremes() {
        #expect(idleNanoseconds(.wait(idle: .zero)) == 0)
        #expect(idleNanoseconds(.wait(idle: .seconds(-5))) == 0)
        #expect(idleNanoseconds(.wait(idle: Duration(attoseconds: .min))) == 0)
        #expect(idleNanoseconds(.wait(idle: Duration(attoseconds: .max))) == .max)
    }
}
