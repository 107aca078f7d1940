// SPDX-License-Identifier: Apache-2.0
// The rules of a state machine's events, written plainly, and a source of random machines to compare with.

@testable import Martlet

/// Never run: its types are enough.
struct FlowMachine: StateMachine {
    typealias State = Int
    typealias TimerName = Int
    typealias Cast = Int
    static var postponedMax: Int { 1_000 }
    var initialState: Int { 0 }
    init(_: Void) {}
    mutating func handle(_ event: Event, in state: Int) -> Transition { .keep }
}

typealias FlowKind = _StateTimeout<Int>.Kind

/// What a handler, and the `enter` behind it, say to one event.
struct FlowAnswer {
    var state: Int?
    var isAgain = false
    var actions: [FlowMachine.Action] = []
    var entry: [FlowMachine.Action] = []
    /// How long both take.
    var time = 0
    /// Casts that come meanwhile.
    var arrivals: [Int] = []
}

/// Makes answers up: the same ones for the same seed, asked as often.
struct FlowAuthor {
    static let firstCasts = 3
    private static let castsMax = 300
    private var random: FlowGenerator
    private var lastCast = Self.firstCasts

    init(seed: UInt64) { random = FlowGenerator(state: seed) }

    private mutating func pick(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

    private mutating func timeout() -> FlowMachine.Action {
        let delay = pick(-1..<7)
        let duration: Duration? = delay == 6 ? nil : .nanoseconds(delay)
        switch pick(0..<4) {
        case 0: return .stateTimeout(duration)
        case 1: return .eventTimeout(duration ?? .zero)
        case let name: return .timeout(name, duration)
        }
    }

    private mutating func cast() -> Int {
        lastCast += 1
        return lastCast
    }

    mutating func answer() -> FlowAnswer {
        var answer = FlowAnswer()
        switch pick(0..<10) {
        case 0..<3: answer.state = pick(0..<3)
        case 3: answer.isAgain = true
        default: break
        }
        for _ in 0..<max(0, pick(-2..<4)) {
            switch pick(0..<6) {
            case 0, 1: answer.actions.append(.postpone)
            case 2 where lastCast < Self.castsMax: answer.actions.append(.insert(.cast(cast())))
            case 3: answer.actions.append(.hibernate)
            default: answer.actions.append(timeout())
            }
        }
        for _ in 0..<max(0, pick(-2..<2)) { answer.entry.append(timeout()) }
        answer.time = pick(0..<4)
        if lastCast < Self.castsMax { for _ in 0..<pick(0..<3) { answer.arrivals.append(cast()) } }
        return answer
    }
}

/// SplitMix64.
private struct FlowGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}

/// One list of all that waits, in the order in which it will be handled.
///
/// No numbers and no stale messages: what is cancelled is looked for and taken away.
struct FlowModel {
    enum Waiting: Equatable {
        /// Inserted, or back from being postponed.
        case ahead(Int), aheadTimeout(FlowKind)
        /// Of zero.
        case due(FlowKind)
        /// From the mailbox.
        case cast(Int), fired(FlowKind)

        var isFromMailbox: Bool {
            switch self {
            case .cast, .fired: true
            case .ahead, .aheadTimeout, .due: false
            }
        }

        var event: FlowMachine.Event {
            switch self {
            case .ahead(let number), .cast(let number): .cast(number)
            case .aheadTimeout(let kind), .due(let kind), .fired(let kind):
                switch kind {
                case .state: .stateTimeout
                case .event: .eventTimeout
                case .named(let name): .timeout(name)
                }
            }
        }

        /// The same when it comes back.
        var again: Waiting {
            switch self {
            case .ahead(let number), .cast(let number): .ahead(number)
            case .aheadTimeout(let kind), .due(let kind), .fired(let kind): .aheadTimeout(kind)
            }
        }
    }

    var state = 0
    var now = 0
    var waiting: [Waiting] = []
    private var aside: [Waiting] = []
    /// What runs, in the order in which it was set.
    private var clocks: [(kind: FlowKind, due: Int)] = []

    /// Time passes; what is due comes in.
    mutating func pass(_ time: Int) {
        now += time
        let due = clocks.enumerated().filter { $0.element.due <= now }
            .sorted { ($0.element.due, $0.offset) < ($1.element.due, $1.offset) }
        clocks.removeAll { $0.due <= now }
        waiting += due.map { .fired($0.element.kind) }
    }

    mutating func next() -> Waiting? {
        if waiting.isEmpty, let first = clocks.map(\.due).min() { pass(max(0, first - now)) }
        return waiting.isEmpty ? nil : waiting.removeFirst()
    }

    private mutating func cancel(_ kind: FlowKind) {
        clocks.removeAll { $0.kind == kind }
        waiting.removeAll { $0 == .due(kind) || $0 == .fired(kind) }
    }

    private mutating func start(_ kind: FlowKind, _ delay: Duration?) {
        cancel(kind)
        guard let delay else { return }
        if delay > .zero {
            clocks.append((kind, now + Int(delay._nanoseconds)))
        } else {
            waiting.insert(.due(kind), at: waiting.firstIndex(where: \.isFromMailbox) ?? waiting.endIndex)
        }
    }

    /// Does what an answer says; returns what the process does next.
    mutating func settle(_ event: Waiting, _ answer: FlowAnswer) -> String {
        let old = state
        state = answer.state ?? state
        cancel(.event)
        if old != state { cancel(.state) }
        let actions = answer.actions + (old != state || answer.isAgain ? answer.entry : [])
        var hibernates = false
        var inserted: [Waiting] = []
        var timeouts: [(kind: FlowKind, delay: Duration?)] = []
        if actions.contains(where: { if case .postpone = $0 { true } else { false } }) { aside.append(event.again) }
        for action in actions {
            switch action {
            case .postpone: break
            case .hibernate: hibernates = true
            case .insert(.cast(let number)): inserted.append(.ahead(number))
            case .insert: break
            case .stateTimeout(let delay): timeouts.append((.state, delay))
            case .eventTimeout(let delay): timeouts.append((.event, delay))
            case .timeout(let name, let delay): timeouts.append((.named(name), delay))
            }
        }
        if old != state {
            waiting = aside + waiting
            aside = []
        }
        waiting = inserted + waiting
        for (index, timeout) in timeouts.enumerated()
        where !timeouts[(index + 1)...].contains(where: { $0.kind == timeout.kind }) {
            start(timeout.kind, timeout.delay)
        }
        if let first = waiting.first, !first.isFromMailbox { return "\(Next.continue)" }
        return "\(hibernates ? Next.hibernate : Next.wait)"
    }
}
