// SPDX-License-Identifier: Apache-2.0
// F28 for a supervision tree: thousands of named, supervised servers that crash, are killed and come back; after each
// interval the load rests, and the tree must be whole again and no larger than before.

import Foundation
import Martlet

/// Runs the load, counts the tree after each interval, and judges at the end.
public enum TreeSoak {
    /// - Parameters:
    ///   - plan: how long.
    ///   - residents: servers that are restarted for ever; a hundred a supervisor.
    ///   - seed: of what happens to whom; not of when.
    ///   - isAlone: nothing else runs in this process, so that its memory, threads and descriptors may be judged.
    ///   - line: called with each line.
    public static func run(
        _ plan: SoakPlan, residents: Int, seed: UInt64 = 1, isAlone: Bool, report line: (String) -> Void
    ) async -> FaultReport {
        await withFaultRuntime("F28") { runtime, report in
            let world = TreeWorld(residents: residents, ledgers: 100)
            let tree = try await Tree(world: world).start()
            var samples = SoakSamples()
            let whole = Census(world, runtime)
            let begin = ContinuousClock.now
            var round: UInt64 = 0
            while begin.duration(to: .now) < plan.duration
                || !world.hasSeenAll && begin.duration(to: .now) < plan.duration + .seconds(60)
            {
                let start = ContinuousClock.now, before = world.operations.count
                round += 1
                let interval = UInt64(plan.interval / .nanoseconds(1))
                try await TreeLoad(world: world, deadline: monotonicNow() + interval, seed: seed &+ round << 8).run()
                let rate = Double(world.operations.count - before) / (start.duration(to: .now) / .seconds(1))
                let census = await Census.settled(as: whole, world, runtime)
                let sample = SoakSamples.Sample(
                    seconds: begin.duration(to: .now) / .seconds(1), gauges: .now, operationsPerSecond: rate)
                samples.append(sample)
                line(text(sample, census, world))
                guard census == whole else {
                    report.expectEqual(census, whole, "the tree after \(sample.seconds) s")
                    break
                }
            }
            await judge(world, &report)
            if isAlone { samples.judge(&report, isAtRest: true) }
            let end = await tree.shutDown(deadline: .seconds(60))
            report.expect(end.stuck.isEmpty, "stuck in the tree: \(end.stuck.map(\.type))")
            report.measure("shutdown_ms", end.duration / .milliseconds(1))
            runtime.waitUntilIdleBlocking()
            report.expectEqual(world.ended.count, world.born.count, "states destroyed, of those made")
        }
    }

    /// What there is when nothing happens: the same before the load and after each interval of it.
    private struct Census: Equatable {
        let processes, timers, residents, states, guests: Int

        init(_ world: TreeWorld, _ runtime: Runtime) {
            processes = runtime.statistics.processes
            timers = runtime.statistics.timers
            residents = world.residents.count
            states = world.born.count - world.ended.count
            guests = world.guests.count
        }

        /// The census as soon as it is that one, at the latest after a minute.
        static func settled(as whole: Census, _ world: TreeWorld, _ runtime: Runtime) async -> Census {
            for _ in 0..<6_000 where Census(world, runtime) != whole { try? await Task.sleep(for: .milliseconds(10)) }
            return Census(world, runtime)
        }
    }

    private static func text(_ sample: SoakSamples.Sample, _ census: Census, _ world: TreeWorld) -> String {
        var line = sample.line
        line.measure("processes", census.processes)
        line.measure("timers", census.timers)
        line.measure("registered", census.residents)
        line.measure("lives", world.born.count)
        for (name, tally) in world.activities.dropFirst() { line.measure(name, tally.count) }
        line.measure("ticks", world.ticks.count)
        for violation in world.violations { line.expect(false, violation) }
        return line.json
    }

    private static func judge(_ world: TreeWorld, _ report: inout FaultReport) async {
        for violation in world.violations { report.expect(false, violation) }
        for (name, tally) in world.activities {
            report.expect(tally.count > 0, "the load had no \(name)")
            report.measure(name, tally.count)
        }
        report.expectEqual(world.earlyTimers.count, 0, "timers that fired early (F10)")
        for (number, account) in world.residentAccounts.enumerated() {
            report.expect(account.allows(account.applied.count), "resident \(number): \(account.text)")
        }
        for (number, account) in world.ledgerAccounts.enumerated() {
            let value = try? await Ledger.Name.via(world.ledgers, number).call(timeout: .seconds(60)) { .value($0) }
            report.expect(value.map(account.allows) ?? false, "ledger \(number) has \(value ?? -1): \(account.text)")
        }
        let accounts = world.residentAccounts + world.ledgerAccounts
        report.measure("calls_acknowledged", accounts.map(\.acknowledged.count).reduce(0, +))
        report.measure("calls_failed", accounts.map(\.unknown.count).reduce(0, +))
        report.measure("lives", world.born.count)
    }
}

extension CallAccount {
    fileprivate var text: String {
        "\(applied.count) applied, \(acknowledged.count) acknowledged, \(unknown.count) unknown"
    }
}
