// SPDX-License-Identifier: Apache-2.0
// Crash reports: what they say, how many there are, and what they keep to themselves (R16).

import Logging
import Testing

@testable import Martlet

/// Keeps a secret, and shows what it likes.
private struct Vault: GenServer {
    enum Cast {
        case crash(key: String)
        case plain
    }
    struct Leak: Error { let key: String }

    let secret: String
    let shows: @Sendable (String) -> String
    init(_ argument: (secret: String, shows: @Sendable (String) -> String)) {
        (secret, shows) = argument
    }
    mutating func handleCast(_ cast: Cast) throws -> Next {
        switch cast {
        case .crash(let key): throw Leak(key: key + secret)
        case .plain: throw Failure()
        }
    }
    func formatStatus() -> String { shows(secret) }
}

/// A message that is too large for a node.
private struct Porter: GenServer {
    enum Cast {
        case heavy(InlineArray<160, Int>)
        case light
    }
    mutating func handleCast(_ cast: Cast) throws -> Next { throw Failure() }
}

extension Porter {
    init(_ argument: Void) {}
}

/// A message whose cases carry what counts references.
private struct Sorter: GenServer {
    enum Cast {
        case object(Tracked)
        case text(String, [Int])
        indirect case nested(Tracked)
        case nothing
    }
    mutating func handleCast(_ cast: Cast) throws -> Next { throw Failure() }
}

extension Sorter {
    init(_ argument: Void) {}
}

@Suite("CrashReport")
struct CrashReportTests {
    /// The next report.
    private func next(_ stream: AsyncStream<CrashReport>) async -> CrashReport? {
        var iterator = stream.makeAsyncIterator()
        return await iterator.next()
    }

    @Test("a throw makes one report: process, reason, message with its case, client, state, ancestors (R16)")
    func contents() async throws {
        try await withRuntime { test in
            let reports = test.runtime.crashReports()
            let caller = try await Desk.begin()
            let pids = Record(Pid.self)
            _ = try await caller.ask { _, from in
                let desk = try Desk.start(
                    Desk.Script(), name: "report.contents", options: StartOptions(label: "north"))
                pids.add(desk.pid)
                let told = reasonOf { try desk.askBlocking { _, _ in throw Failure(7) } }
                #expect(told == "exited: error (Failure)")
                return from.reply(1)
            }
            let report = try #require(await next(reports))
            #expect(report.process.pid == pids.all[0])
            #expect(report.process.type == "Scripted<MartletTests.Pooled>")
            #expect(report.process.name == "report.contents")
            #expect(report.process.label == "north")
            #expect(report.process.ancestors == [caller.pid])
            guard case .error(let error) = report.reason else { return #expect(Bool(false)) }
            #expect(error as? Failure == Failure(7))
            #expect(report.message == "Scripted<MartletTests.Pooled>.Call.ask")
            #expect(report.client == caller.pid)
            #expect(report.state == "Scripted<MartletTests.Pooled>")
        }
    }

    @Test("the backtrace begins where the error was thrown, also for a call on its caller's thread")
    func backtrace() async throws {
        try await withRuntime { test in
            let reports = test.runtime.crashReports()
            for isInPlace in [false, true] {
                if isInPlace {
                    let desk = try await InPlaceDesk.begin()
                    await test.settle()
                    _ = await reason { try await desk.ask { _, _ in throw thrownDeepInside() } }
                } else {
                    let desk = try await Desk.begin()
                    _ = await reason { try await desk.ask { _, _ in throw thrownDeepInside() } }
                }
                let report = try #require(await next(reports))
                #expect(!report.backtrace.isEmpty)
                #expect(report.backtrace.count < 24)
                #expect(!report.backtrace.joined().contains("swift_willThrow"))
                #expect(report.backtrace.first?.hasPrefix("closure #1") == true, "\(report.backtrace)")
                #expect(report.backtrace.dropFirst().first?.contains("Scripted.handleCall") == true)
                #expect(!report.backtrace.joined().contains("_GenServerEngine"))
            }
        }
    }

    @Test("a handler that throws and catches leaves no trace in a later crash")
    func caughtInside() async throws {
        try await withRuntime { test in
            let reports = test.runtime.crashReports()
            let desk = try await Desk.begin()
            desk.tell { _ in
                do { throw Failure(1) } catch {}
                return .stop(.error(Failure(2)))
            }
            let report = try #require(await next(reports))
            #expect(report.backtrace.isEmpty)
            #expect(report.message == "terminate")
        }
    }

    @Test("no report for normal, shutdown and shutdownWith, nor for a kill", arguments: 0..<5)
    func noReport(number: Int) async throws {
        try await withRuntime { test in
            let reports = test.runtime.crashReports()
            let desk = try await Desk.begin()
            switch number {
            case 0: desk.tell { _ in .stop(.normal) }
            case 1: desk.tell { _ in .stop(.shutdown) }
            case 2: desk.tell { _ in .stop(.shutdownWith("a result")) }
            case 3: desk.tell { _ in throw ExitSignal(.shutdown) }
            default: desk.pid.kill()
            }
            _ = try await desk.pid.waitForExit()
            // The next one that is due is the first in the stream.
            let other = try await Desk.begin()
            other.tell { _ in throw Failure() }
            #expect(await next(reports)?.process.pid == other.pid)
        }
    }

    @Test("each abnormal end has exactly one report, whichever callback failed")
    func eachCallback() async throws {
        try await withRuntime { test in
            // Each report before the next crash: it is told after the end, so that the reports of two may overtake.
            var reports = test.runtime.crashReports().makeAsyncIterator()
            func crash(_ message: String?, _ change: (inout Desk.Script) -> Void, _ then: (Desk.Ref) -> Void)
                async throws
            {
                let desk = try await Desk.begin(change)
                then(desk)
                _ = try await desk.pid.waitForExit()
                #expect(await reports.next()?.message == message)
            }
            try await crash("Int", { $0.info = { _, _ in throw Failure() } }, { $0.process.send(1) })
            try await crash("a message of another type", { $0.info = { _, _ in throw Failure() } }) {
                $0.pid.send(any: "x")
            }
            try await crash("continue", { $0.proceed = { _ in throw Failure() } }, { $0.tell { _ in .continue } })
            try await crash(
                "terminate", { $0.terminate = { _, _ in throw Failure() } }, { $0.tell { _ in .stop(.normal) } })
            try await crash("terminate", { _ in }, { $0.tell { _ in .stop(.error(Failure())) } })
            // The handler's throw, and then the one of terminate in its place.
            try await crash(nil, { $0.terminate = { _, _ in throw Failure(2) } }, { $0.tell { _ in throw Failure(1) } })
            try await crash(nil, { _ in }, { $0.pid.exit(.error(Failure())) })
            do { _ = try await Desk.begin { $0.begin = { _ in throw Failure() } } } catch {}
            #expect(await reports.next()?.message == "init")
            do { _ = try await Desk.begin { $0.begin = { _ in throw Refusal(Failure()) } } } catch {}
            try await crash("Scripted<MartletTests.Pooled>.Cast.tell", { _ in }, { $0.tell { _ in throw Failure() } })
        }
    }

    @Test("the case of a message is told for every layout of an enum, after its value is gone")
    func cases() async throws {
        try await withRuntime { test in
            var reports = test.runtime.crashReports().makeAsyncIterator()
            let census = Census()
            defer { #expect(census.total == 2) }
            let casts: [(Sorter.Cast, String)] = [
                (.object(Tracked(census)), "object"), (.text("a text that lies in the heap", [1]), "text"),
                (.nested(Tracked(census)), "nested"), (.nothing, "nothing"),
            ]
            for (cast, name) in casts {
                try await Sorter.start().cast(cast)
                #expect(await reports.next()?.message?.hasSuffix("Sorter.Cast.\(name)") == true)
            }
        }
    }

    @Test("state is what formatStatus says, cut to 4,096 bytes; values of messages, errors and states are nowhere")
    func secrets() async throws {
        Logs.install()
        try await withRuntime { test in
            var reports = test.runtime.crashReports().makeAsyncIterator()
            for (shows, shown): (@Sendable (String) -> String, String) in [
                ({ _ in "vault, closed" }, "vault, closed"),
                ({ _ in String(repeating: "x", count: 10_000) }, String(repeating: "x", count: 4_096) + "..."),
                ({ "key \(Redacted($0))" }, "key <redacted>"),
            ] {
                let vault = try await Vault.start((secret: "s3cret", shows: shows), name: nil)
                vault.cast(.crash(key: "k3y"))
                let report = try #require(await reports.next())
                #expect(report.state == shown)
                #expect(report.message?.hasSuffix("Vault.Cast.crash") == true)
                await eventually { !Logs.about(vault.pid).isEmpty }
                let line = try #require(Logs.about(vault.pid).first)
                #expect(line.metadata["state"] == shown)
                #expect(!"\(line)".contains("s3cret") && !"\(line)".contains("k3y"))
            }
            try await Porter.start().cast(.heavy(InlineArray(repeating: 0)))
            #expect(await reports.next()?.message == "Porter.Cast")
        }
    }

    @Test("the log has one line a crash, at the configured level, by stable keys")
    func log() async throws {
        Logs.install()
        try await withRuntime(configure: { $0.crashReportLevel = .critical }) { test in
            let desk = try await Desk.begin(name: "report.log", options: StartOptions(label: "south"))
            _ = await reason { try await desk.ask { _, _ in throw Failure() } }
            _ = try await desk.pid.waitForExit()
            let lines = Logs.about(desk.pid)
            #expect(lines.count == 1)
            let line = try #require(lines.first)
            #expect(line.level == .critical)
            #expect(line.text == "process crashed")
            let keys: Set<String> = [
                "process", "server", "name", "label", "message", "reason", "state", "backtrace",
            ]
            #expect(Set(line.metadata.keys).isSuperset(of: keys))
            #expect(line.metadata["reason"] == "error (Failure)")
        }
    }

    @Test("ten crashes a second are logged, the rest is counted and told with the next; a stream has them all")
    func rate() async throws {
        Logs.install()
        try await withRuntime { test in
            var reports = test.runtime.crashReports().makeAsyncIterator()
            var pids: [Pid] = []
            func crash(_ count: Int) async throws {
                for _ in 0..<count {
                    let desk = try await Desk.begin()
                    desk.tell { _ in throw Failure() }
                    #expect(await reports.next()?.process.pid == desk.pid)
                    pids.append(desk.pid)
                }
            }
            try await crash(35)
            await test.settle()
            #expect(pids.filter { !Logs.about($0).isEmpty } == Array(pids.prefix(10)))
            await test.advance(by: .seconds(1))
            try await crash(2)
            await test.settle()
            #expect(Logs.about(pids[35]).first?.metadata["suppressed"] == "25")
            #expect(Logs.about(pids[36]).first?.metadata["suppressed"] == nil)
        }
    }

    @Test("a slow reader keeps the oldest reports, as many as it has room for")
    func slowReader() async throws {
        try await withRuntime { test in
            let reports = test.runtime.crashReports(buffer: 2)
            var pids: [Pid] = []
            for _ in 0..<5 {
                let desk = try await Desk.begin()
                desk.tell { _ in throw Failure() }
                _ = try await desk.pid.waitForExit()
                await test.settle()
                pids.append(desk.pid)
            }
            var iterator = reports.makeAsyncIterator()
            #expect(await iterator.next()?.process.pid == pids[0])
            #expect(await iterator.next()?.process.pid == pids[1])
            let desk = try await Desk.begin()
            desk.tell { _ in throw Failure() }
            #expect(await iterator.next()?.process.pid == desk.pid)
        }
    }
}

/// The reason of a blocking call that must fail, as text; "none" if it did not.
private func reasonOf<Value>(_ body: () throws -> Value) -> String {
    do { _ = try body() } catch let error as CallError { return "\(error.reason)" } catch { return "\(error)" }
    return "none"
}

@inline(never)
private func thrownDeepInside() -> Failure { Failure(3) }
