// SPDX-License-Identifier: Apache-2.0
// Starting: what start returns, throws, and leaves behind.

import Testing

@testable import Martlet

@Suite("Start", .tags(.parity), .timeLimit(.minutes(5)))
struct StartTests {
    static let name: Desk.Name = "start"

    @Test("start returns after init, which runs in the new process with its name registered (R1, S11, S15)")
    func initFirst() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await Desk.begin(name: Self.name) {
                $0.begin = { _ in
                    let isNamed = Self.name.ref?.pid == Pid.current
                    record.add("init in \(Desk.current.pid), named: \(isNamed)")
                }
            }
            #expect(record.all == ["init in \(server.pid), named: true"])
            #expect(Self.name.ref == server)
            #expect(Pid.current == nil)
        }
    }

    /// What makes an `init` fail, and what start says of it.
    enum Bad: String, CaseIterable, Sendable {
        case ignore, refusal, thrown, exitSignal, tooLong, killed
    }

    @Test(
        "an init that fails, is killed or takes too long: start says so, its name is free, no terminate (R1, R2, R11)",
        arguments: Bad.allCases)
    func failures(_ bad: Bad) async throws {
        try await withRuntime { test in
            let gate = Gate()
            let terminated = Record()
            let options = StartOptions(timeout: bad == .tooLong ? .seconds(3) : nil)
            let starter = Task {
                do {
                    _ = try await Desk.begin(name: Self.name, options: options) {
                        $0.begin = { _ in try Self.fail(bad, gate) }
                        $0.terminate = { _, _ in terminated.add("terminate") }
                    }
                    return "started"
                } catch {
                    // The name is free before the failure is told.
                    return "\(error), named: \(Self.name.ref != nil)"
                }
            }
            if bad == .tooLong {
                await gate.arrived()
                await test.timersArmed(1)
                await test.advance(by: .seconds(4))
            }
            if bad == .killed {
                await gate.arrived()
                Self.name.ref?.pid.kill()
            }
            let text =
                switch bad {
                case .ignore: "ignored"
                case .refusal, .thrown: "failed (Failure)"
                case .exitSignal: "exited: shutdown"
                case .tooLong: "timeout"
                case .killed: "exited: killed"
                }
            #expect(await starter.value == "\(text), named: false")
            gate.open()
            let second = try await Desk.begin(name: Self.name)
            #expect(Self.name.ref == second)
            #expect(terminated.count == 0)
        }
    }

    private static func fail(_ bad: Bad, _ gate: Gate) throws {
        switch bad {
        case .ignore: throw Ignore()
        case .refusal: throw Refusal(Failure())
        case .thrown: throw Failure()
        case .exitSignal: throw ExitSignal(.shutdown)
        case .tooLong, .killed: gate.pass()
        }
    }

    @Test("a negative init timeout counts as zero: start fails with timeout, and the name is free (R1)")
    func negativeTimeout() async throws {
        try await withRuntime { test in
            let gate = Gate()
            let starter = Task {
                do throws(StartError) {
                    _ = try await Desk.begin(name: Self.name, options: StartOptions(timeout: .seconds(-3))) {
                        $0.begin = { _ in gate.pass() }
                    }
                    return "started"
                } catch { return "\(error)" }
            }
            await gate.arrived()
            await test.timersArmed(1)
            await test.advance(by: .milliseconds(2))
            #expect(await starter.value == "timeout")
            #expect(Self.name.ref == nil)
            gate.open()
        }
    }

    @Test("a taken name fails with alreadyStarted and its holder, and init does not run (S11, S29)")
    func nameTaken() async throws {
        try await withRuntime { _ in
            let first = try await Desk.begin(name: Self.name)
            let record = Record()
            do throws(StartError) {
                _ = try await Desk.begin(name: Self.name) { $0.begin = { _ in record.add("init") } }
                Issue.record("expected alreadyStarted")
            } catch {
                guard case .alreadyStarted(let holder) = error else { throw error }
                #expect(holder == first.pid)
            }
            #expect(record.count == 0)
            #expect(Self.name.ref == first)
            #expect(try await Self.name.ask { $1.reply(7) } == 7)
        }
    }

    @Test("of 50 starts under one name exactly one wins, and the others name it (R1)")
    func stampede() async throws {
        try await withRuntime { _ in
            let pids = await withTaskGroup(of: (won: Bool, pid: Pid?).self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        do throws(StartError) { return (true, try await Desk.begin(name: Self.name).pid) } catch {
                            guard case .alreadyStarted(let holder) = error else { return (false, nil) }
                            return (false, holder)
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(pids.filter(\.won).count == 1)
            #expect(Set(pids.map(\.pid)).count == 1)
        }
    }

    @Test("start waits without a limit by default (R1)")
    func noLimit() async throws {
        try await withRuntime { test in
            let gate = Gate()
            async let server = Desk.begin { $0.begin = { _ in gate.pass() } }
            await gate.arrived()
            await test.advance(by: .seconds(100_000))
            #expect(test.runtime.statistics.timers == 0)
            gate.open()
            let started = try await server
            #expect(started.pid.isAlive)
        }
    }

    @Test("a cancelled start ends the process, and the name is free when it throws (R1)")
    func cancelledStart() async throws {
        try await withRuntime { _ in
            let gate = Gate()
            let starter = Task {
                do throws(StartError) {
                    _ = try await Desk.begin(name: Self.name) { $0.begin = { _ in gate.pass() } }
                    return "started"
                } catch { return "\(error), named: \(Self.name.ref != nil)" }
            }
            await gate.arrived()
            starter.cancel()
            #expect(await starter.value == "exited: killed, named: false")
            gate.open()
        }
    }

    @Test("above processesMax start fails with systemLimit, and succeeds again after an end")
    func limit() async throws {
        try await withRuntime(configure: { $0.processesMax = 2 }) { _ in
            let first = try await Desk.begin()
            _ = try await Desk.begin()
            for _ in 0..<3 {
                do throws(StartError) {
                    _ = try await Desk.begin()
                    Issue.record("expected systemLimit")
                } catch {
                    guard case .systemLimit = error else { throw error }
                }
            }
            try await first.stop()
            _ = try await Desk.begin()
        }
    }

    @Test("start blocks a plain thread until init has run, and throws there too (R1, R2)")
    func blocking() async throws {
        try await withRuntime { test in
            let runtime = test.runtime
            let result = await onThread { () -> String in
                let options = StartOptions(runtime: runtime)
                do throws(StartError) {
                    let server = try Counter.start(5, options: options)
                    _ = try Desk.start(Desk.Script(begin: { _ in throw Ignore() }), options: options)
                    return "\(server) twice"
                } catch { return "\(error)" }
            }
            #expect(result == "ignored")
            #expect(runtime.statistics.spawns == 2)
        }
    }

    @Test("a handler can start another server and use it")
    func fromHandler() async throws {
        try await withRuntime(workers: 1) { _ in
            let server = try await Desk.begin()
            let count = try await server.ask { _, from in
                let counter = try Counter.start(5)
                return from.reply(try counter.call { .increment(by: 1, $0) })
            }
            #expect(count == 6)
        }
    }

    @Test("10,000 failing inits leave nothing behind, and the name is free", .tags(.leak))
    func manyFailures() async throws {
        try await withRuntime { test in
            let census = Census()
            for index in 0..<10_000 {
                let tracked = Tracked(census)
                do throws(StartError) {
                    _ = try await Desk.begin(name: Self.name) {
                        $0.begin = { _ in
                            _ = tracked
                            throw index.isMultiple(of: 2) ? Ignore() : Failure() as any Error
                        }
                    }
                } catch { continue }
            }
            #expect(Self.name.ref == nil)
            await test.settle()
            #expect(census.alive == 0)
            #expect(census.total == 10_000)
            #expect(test.runtime.statistics.processes == 0)
        }
    }
}
