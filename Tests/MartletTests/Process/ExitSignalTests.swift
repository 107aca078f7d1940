// SPDX-License-Identifier: Apache-2.0
// The bridge from reasons to errors.

import Testing

@testable import Martlet

@Suite("ExitSignal")
struct ExitSignalTests {
    @Test("it carries its reason through a throw")
    func carriesReason() {
        do throws(ExitSignal) {
            throw ExitSignal(.shutdown)
        } catch {
            #expect(error.reason.isSamePlainCase(as: .shutdown))
        }
    }

    @Test("its printed form leaks no value")
    func leaksNoValue() {
        for reason in ExitReasonTests.leaking {
            let error: any Error = ExitSignal(reason)
            #expect(!"\(error)".contains("hunter2"))
            #expect(!String(reflecting: error).contains("hunter2"))
        }
    }
}
