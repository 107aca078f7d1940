// SPDX-License-Identifier: Apache-2.0
// Agents and state machines as children: every server is one.

import Martlet
import MartletTestKit
import Testing

@Suite("Behaviours as children")
struct BehaviourChildTests {
    struct Lamp: StateMachine {
        enum State { case off, on }
        enum Cast { case press, fall }
        struct Broken: Error {}
        static let name: Name = "lamp"
        var initialState: State { .off }
        init(_: Void) {}

        mutating func handle(_ event: Event, in state: State) throws -> Transition {
            switch event {
            case .cast(.press): return .next(state == .off ? .on : .off, .stateTimeout(.seconds(60)))
            case .cast(.fall): throw Broken()
            case .call, .info, .stateTimeout, .eventTimeout, .timeout: return .keep
            }
        }
    }

    static let count: Agent<Int>.Name = "count"

    @Test("an agent begins with a fresh value, a machine in its first state and without timeouts (R18, S2)")
    func restarts() async throws {
        try await withTestRuntime { test in
            let tree = try await Supervisor.start {
                Agent<Int>.child({ 1 }, name: Self.count)
                Lamp.child(name: Lamp.name)
            }
            try await Self.count.update { $0 = 5 }
            Lamp.name.cast(.press)
            let (agent, lamp) = try (#require(Self.count.ref), #require(Lamp.name.ref))
            #expect(try await lamp.sys.machineState() == .on)
            Self.count.castUpdate { _ in throw Lamp.Broken() }
            lamp.cast(.fall)
            for pid in [agent.pid, lamp.pid] { _ = try await pid.waitForExit() }
            try await eventually { Self.count.ref != nil && Lamp.name.ref != nil }
            let fresh = try await Self.count.get { $0 }
            #expect(fresh == 1)
            let again = try #require(Lamp.name.ref)
            #expect(try await again.sys.machineState() == .off)
            #expect(test.runtime.statistics.timers == 0)
            try await tree.stop()
            test.assertNothingLeft()
        }
    }
}
