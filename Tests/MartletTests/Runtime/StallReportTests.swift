// SPDX-License-Identifier: Apache-2.0
// The watchdog's line about a handler that keeps its worker (F16).

import Testing

@testable import Martlet

@Suite("Stall report")
struct StallReportTests {
    @Test(
        "a handler over the limit is reported once, with type, message, name and label (F16)", arguments: [true, false])
    func once(isInit: Bool) async throws {
        Logs.install()
        var configuration = Runtime.Configuration()
        configuration.stallLimit = .milliseconds(30)
        let runtime = Runtime(configuration)
        let gate = Gate()
        // On the runtime: Swift's pool may be busy with other tests for longer than the gate waits.
        let start = Task(executorPreference: runtime.executor) {
            try await Desk.begin(
                name: isInit ? "stall.init" : "stall.cast", options: StartOptions(label: "slow", runtime: runtime)
            ) { script in
                if isInit { script.begin = { _ in gate.passHoldingWorker() } }
            }
        }
        if !isInit {
            try await start.value.tell { _ in
                gate.passHoldingWorker()
                return .wait
            }
        }
        await gate.arrived()
        let pid = try #require(runtime.processes().first)
        let message = isInit ? "init" : "Scripted<MartletTests.Pooled>.Cast"
        // On a busy machine `init` may be slow in the other case too.
        let reports = {
            Logs.about(pid).filter { $0.text == "handler runs long" && $0.metadata["message"] == message }
        }
        await eventually { !reports().isEmpty }
        // Long enough for a second report, if there were one.
        await eventually {
            guard case .running(_, let duration)? = pid.status?.activity else { return false }
            return duration > .milliseconds(120)
        }
        gate.open()
        _ = try await start.value
        let lines = reports()
        #expect(lines.count == 1)
        let metadata = lines.first?.metadata ?? [:]
        #expect(metadata["server"] == "Scripted<MartletTests.Pooled>")
        #expect(metadata["name"] == (isInit ? "stall.init" : "stall.cast"))
        #expect(metadata["label"] == "slow")
        #expect(Int(metadata["ms"] ?? "").map { $0 >= 30 } == true)
        await runtime.shutdown()
    }
}
