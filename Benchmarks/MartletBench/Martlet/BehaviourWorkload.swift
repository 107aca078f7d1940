// SPDX-License-Identifier: Apache-2.0
// `agent`, `statemachine`: what a behaviour adds to the call of a GenServer. Both are measured in one round, in turns, so
// that a machine that slows down slows both; `call_ns` is the GenServer's call, `ratio` the median over the turns of what
// the behaviour's costs of it.

import Martlet
import MartletBenchCore

enum BehaviourWorkload {
    static func drive(_ behaviour: Workload.Behaviour, clients: Int, _ run: Run) async throws -> Outcome {
        switch behaviour {
        case .agent: try await drive(CalledAgent(), clients: clients, run)
        case .stateMachine: try await drive(Called(server: try await CalledMachine.start(false)), clients: clients, run)
        case .timedStateMachine:
            try await drive(Called(server: try await CalledMachine.start(true)), clients: clients, run)
        }
    }

    private static func drive<Target: CallTarget>(_ target: Target, clients: Int, _ run: Run) async throws -> Outcome {
        let server = Called(server: try await CalledServer.start())
        let turn = Run(
            operations: run.operations / Workload.behaviourTurns, samplingInterval: run.samplingInterval)
        var outcome = Outcome(operations: run.operations, nanoseconds: 0)
        var callNanoseconds: UInt64 = 0
        var ratios: [Double] = []
        for _ in 0..<Workload.behaviourTurns {
            let calls = try await CallWorkload.turn(server, clients: clients, turn)
            callNanoseconds += calls.nanoseconds
            let own = try await CallWorkload.turn(target, clients: clients, turn)
            outcome.nanoseconds += own.nanoseconds
            ratios.append(Double(own.nanoseconds) / Double(max(calls.nanoseconds, 1)))
            outcome.latencies += own.values.flatMap { $0 }
        }
        for counted in [try await server.finish(), try await target.finish()] {
            try WrongResult.unless(counted, is: run.operations, "increments handled")
        }
        outcome.extra["call_ns"] = Double(callNanoseconds) / Double(max(run.operations, 1))
        outcome.extra["ratio"] = ratios.sorted()[ratios.count / 2]
        return outcome
    }
}
