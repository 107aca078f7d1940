// SPDX-License-Identifier: Apache-2.0
// Starting a server whose `init` may suspend: what start returns, throws, and leaves behind.

import Testing

@testable import Martlet

@Suite("Start of an async server", .tags(.parity), .timeLimit(.minutes(5)))
struct AsyncStartTests {
    static let name: AsyncDesk.Name = "async start"

    @Test("start returns after init, which runs in the new process with its name registered (R1, S15)")
    func initFirst() async throws {
        try await withRuntime { _ in
            let record = Record()
            let server = try await AsyncDesk.begin(name: Self.name) {
                $0.begin = { _ in
                    await Task.yield()
                    let isNamed = Self.name.ref?.pid == Pid.current
                    record.add("init in \(AsyncDesk.current.pid), named: \(isNamed)")
                }
            }
            #expect(record.all == ["init in \(server.pid), named: true"])
            #expect(Self.name.ref == server)
            #expect(Pid.current == nil)
        }
    }

    /// What makes an `init` fail, and what start says of it.
    enum Bad: String, CaseIterable, Sendable {
        case ignore, refusal, thrown, exitSignal, tooLong, killed, cancelled

        var text: String {
            switch self {
            case .ignore: "ignored"
            case .refusal, .thrown: "failed (Failure)"
            case .exitSignal: "exited: shutdown"
            case .tooLong: "timeout"
            case .killed, .cancelled: "exited: killed"
            }
        }
    }

    @Test(
        "an init that fails, is killed or takes too long: start says so, its name is free, no terminate (R1, R2, R11)",
        arguments: Bad.allCases, [false, true])
    func failures(_ bad: Bad, suspends: Bool) async throws {
        try await withRuntime { test in
            let gate = AsyncGate()
            let record = Record()
            let options = StartOptions(timeout: bad == .tooLong ? .seconds(3) : nil)
            let starter = Task {
                do throws(StartError) {
                    _ = try await AsyncDesk.begin(name: Self.name, options: options) {
                        $0.begin = { _ in
                            if suspends { await Task.yield() }
                            do { try await Self.fail(bad, gate) } catch is CancellationError {
                                record.add("cancelled")
                                throw CancellationError()
                            }
                        }
                        $0.terminate = { _, _ in record.add("terminate") }
                    }
                    return "started"
                } catch {
                    // The name is free before the failure is told.
                    return "\(error), named: \(Self.name.ref != nil)"
                }
            }
            if [.tooLong, .killed, .cancelled].contains(bad) { await gate.arrived() }
            if bad == .tooLong {
                await test.timersArmed(1)
                await test.advance(by: .seconds(4))
            }
            if bad == .killed { Self.name.ref?.pid.kill() }
            if bad == .cancelled { starter.cancel() }
            #expect(await starter.value == "\(bad.text), named: false")
            let second = try await AsyncDesk.begin(name: Self.name)
            #expect(Self.name.ref == second)
            let isCancelled = [.tooLong, .killed, .cancelled].contains(bad)
            await eventually { record.all == (isCancelled ? ["cancelled"] : []) }
        }
    }

    private nonisolated(nonsending) static func fail(_ bad: Bad, _ gate: AsyncGate) async throws {
        switch bad {
        case .ignore: throw Ignore()
        case .refusal: throw Refusal(Failure())
        case .thrown: throw Failure()
        case .exitSignal: throw ExitSignal(.shutdown)
        case .tooLong, .killed, .cancelled: try await gate.pass()
        }
    }

    @Test("a taken name fails with alreadyStarted and its holder, and init does not run (S11, S29)")
    func nameTaken() async throws {
        try await withRuntime { _ in
            let first = try await AsyncDesk.begin(name: Self.name)
            let record = Record()
            do throws(StartError) {
                _ = try await AsyncDesk.begin(name: Self.name) { $0.begin = { _ in record.add("init") } }
                Issue.record("expected alreadyStarted")
            } catch {
                guard case .alreadyStarted(let holder) = error else { throw error }
                #expect(holder == first.pid)
            }
            #expect(record.count == 0)
            #expect(try await Self.name.ask { $1.reply(7) } == 7)
        }
    }

    @Test("start waits without a limit by default, while init waits for another server (R1)")
    func noLimit() async throws {
        try await withRuntime { test in
            let slow = try await AsyncDesk.begin()
            async let server = AsyncDesk.begin {
                $0.begin = { state in state.seen = [try await slow.ask(timeout: nil) { $0.postpone($1) }] }
            }
            await eventually { (try? await slow.ask { $1.reply($0.deferred.count) }) == 1 }
            await test.advance(by: .seconds(100_000))
            _ = try await slow.ask {
                $0.deferred[0].reply(8); return $1.reply(0)
            }
            #expect(try await server.call { .seen($0) } == [8])
        }
    }

    @Test("servers that start at once, each init back on whichever thread is free, have a state each")
    func crowd() async throws {
        try await withRuntime(workers: 4) { _ in
            let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
                for share in 0..<8 {
                    group.addTask(executorPreference: Runtime.current.executor) {
                        var servers: [(AsyncDesk.Ref, Int)] = []
                        for number in share * 250..<(share + 1) * 250 {
                            let server = try await AsyncDesk.begin { script in
                                script.begin = { state in
                                    for _ in 0..<3 { await Task.yield() }
                                    state.seen = [number]
                                }
                            }
                            servers.append((server, number))
                        }
                        var wrong = 0
                        for (server, number) in servers where try await server.call({ .seen($0) }) != [number] {
                            wrong += 1
                        }
                        return wrong
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(wrong == 0)
        }
    }

    @Test("start blocks a plain thread, and a synchronous handler, until init has run (R1)")
    func blocking() async throws {
        try await withRuntime(workers: 1) { test in
            let options = StartOptions(runtime: test.runtime)
            let script = AsyncDesk.Script(begin: { $0.seen = [Int(await Self.four())] })
            let started = await onThread { try? AsyncDesk.start(script, options: options) }
            #expect(try await started?.call { .seen($0) } == [4])
            let desk = try await Desk.begin()
            #expect(
                try await desk.ask { _, from in
                    let server = try AsyncDesk.start(script)
                    return from.reply(try server.call { .seen($0) }[0])
                } == 4)
        }
    }

    private static func four() async -> Int {
        await Task.yield()
        return 4
    }

    @Test("an async server with a Void argument and no messages starts, and stops")
    func bare() async throws {
        struct Bare: AsyncGenServer {
            init(_: Void) async {}
        }
        try await withRuntime { _ in
            let server = try await Bare.start()
            server.pid.send(any: "unexpected")
            try await server.stop()
        }
    }

    @Test("10,000 failing inits leave nothing behind, and the name is free", .tags(.leak))
    func manyFailures() async throws {
        try await withRuntime { test in
            let census = Census()
            for index in 0..<10_000 {
                let tracked = Tracked(census)
                do throws(StartError) {
                    _ = try await AsyncDesk.begin(name: Self.name) {
                        $0.begin = { _ in
                            _ = tracked
                            if index.isMultiple(of: 3) { await Task.yield() }
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
