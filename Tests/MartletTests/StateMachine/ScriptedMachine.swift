// SPDX-License-Identifier: Apache-2.0
// A state machine that does what each test writes into its events, and notes what it is told.

@testable import Martlet

struct ScriptedMachine: StateMachine {
    enum State { case idle, busy, done }
    enum TimerName { case one, two }
    enum Call { case ask(From<Int>, Handler), notes(From<[String]>) }
    enum Cast { case tell(Handler), note(String) }
    typealias Message = String
    typealias Handler = @Sendable (inout ScriptedMachine, State) throws -> Transition

    struct Script: Sendable {
        var initial = State.idle
        var begin: @Sendable () throws -> Void = {}
        var enter: @Sendable (inout ScriptedMachine, State, State?) throws -> [Action] = { _, _, _ in [] }
        /// What is done with a note; it is written down when it is kept.
        var note: @Sendable (State) -> Transition = { _ in .keep }
        /// And with timeouts, by their names in `notes`.
        var timeout: @Sendable (String, State) -> Transition = { _, _ in .keep }
        var info: @Sendable (Info<String>) throws -> Transition = { _ in .keep }
        var hibernate: @Sendable () -> Void = {}
        var terminate: @Sendable (ExitReason, State) throws -> Void = { _, _ in }
    }

    static var postponedMax: Int { 1_000 }

    var notes: [String] = []
    private let script: Script
    var initialState: State { script.initial }

    init(_ script: Script) throws {
        self.script = script
        try script.begin()
    }

    mutating func handle(_ event: Event, in state: State) throws -> Transition {
        switch event {
        case .call(.ask(_, let body)): return try body(&self, state)
        case .call(.notes(let from)): return from.reply(notes, then: .keep)
        case .cast(.tell(let body)): return try body(&self, state)
        case .cast(.note(let text)):
            let transition = script.note(state)
            if transition.actions.isEmpty { notes.append("\(text) in \(state)") }
            return transition
        case .info(.message(let text)):
            notes.append("\(text) in \(state)")
            return .keep
        case .info(let info): return try script.info(info)
        case .stateTimeout: return timedOut("state", state)
        case .eventTimeout: return timedOut("event", state)
        case .timeout(let name): return timedOut("\(name)", state)
        }
    }

    private mutating func timedOut(_ what: String, _ state: State) -> Transition {
        notes.append("\(what) timeout in \(state)")
        return script.timeout(what, state)
    }

    mutating func enter(_ state: State, from old: State?) throws -> [Action] { try script.enter(&self, state, old) }
    mutating func terminate(_ reason: ExitReason, in state: State) throws { try script.terminate(reason, state) }
    mutating func hibernate() { script.hibernate() }
    func formatStatus() -> String { "\(notes.count) notes" }
}

extension ScriptedMachine {
    static func begin(
        name: Name? = nil, options: StartOptions = StartOptions(), _ change: (inout Script) -> Void = { _ in }
    ) async throws(StartError) -> Ref {
        var script = Script()
        change(&script)
        return try await start(script, name: name, options: options)
    }
}

extension ServerAddress<ScriptedMachine.Ref> {
    func ask(
        timeout: Duration? = .seconds(5),
        _ body:
            @escaping @Sendable (From<Int>, inout ScriptedMachine, ScriptedMachine.State) throws
            -> ScriptedMachine.Transition
    ) async throws(CallError) -> Int {
        try await call(timeout: timeout) { from in .ask(from) { try body(from, &$0, $1) } }
    }

    func tell(_ body: @escaping ScriptedMachine.Handler) { cast(.tell(body)) }
    /// Goes to a state, or stays, with actions.
    func go(_ transition: ScriptedMachine.Transition) { cast(.tell { _, _ in transition }) }
    func note(_ text: String) { cast(.note(text)) }
    func notes() async throws(CallError) -> [String] { try await call { .notes($0) } }
}
