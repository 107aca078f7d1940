// SPDX-License-Identifier: Apache-2.0
// Every pattern of the guide, one after the other, as a program: swift run martlet-tour [name ...].

import Martlet

/// The tours, in the order of the guide.
package enum Tour {
    struct Stop: Sendable {
        let name: String
        let about: String
        let run: @Sendable (@escaping Output) async throws -> Void
    }

    /// No such tour, and those that there are.
    package struct Unknown: Error, CustomStringConvertible {
        let name: String
        package var description: String {
            "expected one of \(stops.map(\.name).joined(separator: ", ")), got \(name)"
        }
    }

    static let stops: [Stop] = [
        Stop(name: "manual", about: "a counter by hand: a loop and a mailbox") {
            try await manualTour(output: $0)
            try await lateReplyTour(output: $0)
            try await manualEndsTour(output: $0)
        },
        Stop(name: "counter", about: "the same as a server") { try await counterTour(output: $0) },
        Stop(name: "contract", about: "a state machine with guarded transitions, slow work answered later") {
            try await contractTour(output: $0)
        },
        Stop(name: "notifications", about: "casts, and the call that sees them all") {
            try await notificationTour(output: $0)
        },
        Stop(name: "reporter", about: "a timer that does not drift") { output in
            let reporter = try await reporterTour(every: .milliseconds(20), output: output)
            try await Task.sleep(for: .milliseconds(70))
            try await reporter.stop()
        },
        Stop(name: "pool", about: "connections that are closed however the pool ends") {
            try await poolTour(output: $0)
        },
        Stop(name: "cache", about: "an idle timeout, and hibernation") { output in
            let cache = try await cacheTour(idle: .milliseconds(20), output: output)
            try await Task.sleep(for: .milliseconds(60))
            try await cache.stop()
        },
        Stop(name: "machine", about: "the contract once more, as a state machine") {
            try await machineTour(output: $0)
        },
        Stop(name: "durable", about: "the contract that survives its server, and pays once") {
            try await durableContractTour(output: $0)
        },
        Stop(name: "agent", about: "state without a server type") { try await agentTour(output: $0) },
        Stop(name: "tasks", about: "work in processes of its own") { try await taskTour(output: $0) },
        Stop(name: "pipeline", about: "stages that take what they can handle") { try await pipelineTour(output: $0) },
        Stop(name: "news", about: "publish and subscribe") { try await newsDeskTour(output: $0) },
        Stop(name: "sessions", about: "servers by key, started on demand, started again when they fail") {
            try await sessionTour(output: $0)
        },
        Stop(name: "shop", about: "all of it as one supervised tree") { try await shopTour(output: $0) },
        Stop(name: "leak", about: "disaster 1: a thousand counters without a parent") {
            try await processLeakTour(output: $0)
        },
        Stop(name: "overflow", about: "disaster 2: a million casts to a busy server") {
            try await mailboxOverflowTour(output: $0)
        },
        Stop(name: "shutdown", about: "disaster 3: who closes the connection") {
            try await gracelessShutdownTour(output: $0)
        },
        Stop(name: "debugging", about: "what a live system tells") { try await debuggingTour(output: $0) },
    ]

    /// Runs the tours of these names, or all.
    package static func run(_ names: [String] = [], output: @escaping @Sendable (String) -> Void = { print($0) })
        async throws
    {
        for name in names where !stops.contains(where: { $0.name == name }) { throw Unknown(name: name) }
        for stop in stops where names.isEmpty || names.contains(stop.name) {
            output("")
            output("== \(stop.name): \(stop.about)")
            try await stop.run { output("   \($0)") }
        }
    }
}
