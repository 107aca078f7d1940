// SPDX-License-Identifier: Apache-2.0
// What the flow decides, against the same rules written plainly: random machines, random mailboxes, random times.

import Testing

@testable import Martlet

@Suite("State flow", .tags(.unit), .timeLimit(.minutes(5)))
struct StateFlowTests {
    typealias Flow = _StateFlow<FlowMachine>
    typealias Timeout = _StateTimeout<Int>

    /// Events of one run at most.
    private static let stepsMax = 200

    /// One line an event: what, when, in which state, and what follows.
    private func trace(flowOf seed: UInt64) throws -> [String] {
        enum Item { case cast(Int), timer(Timeout) }
        var author = FlowAuthor(seed: seed)
        var flow = Flow(0)
        var trace: [String] = []
        var mailbox = (1...FlowAuthor.firstCasts).map { Item.cast($0) }
        var clocks: [(ref: UInt64, due: Int, timeout: Timeout)] = []
        var (now, refs) = (0, UInt64(0))
        func pass(_ time: Int) {
            now += time
            let due = clocks.filter { $0.due <= now }.sorted { ($0.due, $0.ref) < ($1.due, $1.ref) }
            clocks.removeAll { $0.due <= now }
            mailbox += due.map { .timer($0.timeout) }
        }
        for _ in 0..<Self.stepsMax {
            var taken = flow.next()
            while taken == nil {
                if mailbox.isEmpty {
                    guard let first = clocks.map(\.due).min() else { return trace }
                    pass(max(0, first - now))
                }
                switch mailbox.removeFirst() {
                case .cast(let number): taken = .cast(number)
                case .timer(let timeout): taken = flow.fired(timeout)
                }
            }
            guard let event = taken else { break }
            let (before, answer) = (flow.state, author.answer())
            let hasChanged = answer.state ?? before != before
            flow.state = answer.state ?? before
            let entry = hasChanged || answer.isAgain ? answer.entry : []
            for effect in try flow.settle(event, hasChanged: hasChanged, answer.actions, entry) {
                switch effect {
                case .cancel(let timer): clocks.removeAll { $0.ref == timer.raw }
                case .start(let timeout, let delay):
                    refs += 1
                    clocks.append((refs, now + Int(delay._nanoseconds), timeout))
                    flow.timeouts.started(timeout, TimerRef(raw: refs))
                }
            }
            trace.append("\(event) in \(before) at \(now): \(flow.state), \(flow.outcome)")
            pass(answer.time)
            mailbox += answer.arrivals.map { .cast($0) }
        }
        return trace
    }

    private func trace(modelOf seed: UInt64) -> [String] {
        var author = FlowAuthor(seed: seed)
        var model = FlowModel()
        model.waiting = (1...FlowAuthor.firstCasts).map { .cast($0) }
        var trace: [String] = []
        for _ in 0..<Self.stepsMax {
            guard let taken = model.next() else { return trace }
            let (before, now, answer) = (model.state, model.now, author.answer())
            let outcome = model.settle(taken, answer)
            trace.append("\(taken.event) in \(before) at \(now): \(model.state), \(outcome)")
            model.pass(answer.time)
            model.waiting += answer.arrivals.map { .cast($0) }
        }
        return trace
    }

    @Test("300 random machines do what the plain rules say, event by event")
    func againstModel() async throws {
        var steps = 0
        for seed in 0..<300 {
            let (flow, model) = (try trace(flowOf: UInt64(seed)), trace(modelOf: UInt64(seed)))
            try #require(flow == model, "seed \(seed)")
            steps += flow.count
            await Task.yield()  // it computes for seconds, and others have limits of real time
        }
        #expect(steps > 20_000)
    }

    // MARK: Rules one by one

    private func casts(_ flow: inout Flow) -> [Int] {
        var numbers: [Int] = []
        while case .cast(let number)? = flow.next() { numbers.append(number) }
        return numbers
    }

    @Test("postponed events come back at a change of state alone, oldest first, behind inserted ones")
    func postponed() throws {
        var flow = Flow(0)
        for number in 1...3 { _ = try flow.settle(.cast(number), hasChanged: false, [.postpone], []) }
        _ = try flow.settle(.cast(4), hasChanged: false, [], [])
        #expect(flow.next() == nil && !flow.isQuiet)
        _ = try flow.settle(.cast(5), hasChanged: true, [.insert(.cast(10)), .insert(.cast(11)), .postpone], [])
        #expect(casts(&flow) == [10, 11, 1, 2, 3, 5])
        #expect(flow.isQuiet)
    }

    @Test("the last of several actions counts, those of enter behind those of the handler")
    func lastCounts() throws {
        var flow = Flow(0)
        let effects = try flow.settle(
            .cast(1), hasChanged: true, [.stateTimeout(.seconds(1)), .timeout(1, .zero), .stateTimeout(.seconds(2))],
            [.stateTimeout(.seconds(3)), .timeout(1, nil)])
        guard case .start(let timeout, .seconds(3))? = effects.first, effects.count == 1 else {
            Issue.record("\(effects)")
            return
        }
        #expect(timeout.kind == .state && flow.next() == nil)
    }

    @Test("a message of a timer that was cancelled or set anew says nothing")
    func stale() throws {
        var flow = Flow(0)
        func start(_ actions: [FlowMachine.Action]) throws -> [Timeout] {
            try flow.settle(.cast(1), hasChanged: false, actions, []).compactMap {
                if case .start(let timeout, _) = $0 { timeout } else { nil }
            }
        }
        let first = try start([.timeout(1, .seconds(1)), .eventTimeout(.seconds(1))])
        let second = try start([.timeout(1, .seconds(1))])
        for timeout in first { #expect(flow.fired(timeout) == nil) }
        guard case .timeout(1)? = flow.fired(second[0]) else {
            Issue.record("expected the named timeout")
            return
        }
        #expect(flow.fired(second[0]) == nil)
        #expect(flow.isQuiet)
    }

    @Test("enter may neither postpone nor insert, and what is postponed has a limit")
    func mistakes() throws {
        var flow = Flow(0)
        for action in [FlowMachine.Action.postpone, .insert(.cast(1))] {
            #expect(throws: StateMachineError.badEnterAction) {
                try flow.settle(.cast(1), hasChanged: true, [], [action])
            }
        }
        flow = Flow(0)
        for number in 1...1_000 { _ = try flow.settle(.cast(number), hasChanged: false, [.postpone], []) }
        #expect(throws: StateMachineError.tooManyPostponed(1_000)) {
            try flow.settle(.cast(0), hasChanged: false, [.postpone], [])
        }
    }
}
