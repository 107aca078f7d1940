// SPDX-License-Identifier: Apache-2.0
// What is measured: one question asked of every variant, with its parameters.
//
// A workload says nothing about how it is done; the drives in MartletBench/Workloads do it, each generic over the small
// protocol that a variant implements.

/// One question, asked of every variant.
package enum Workload: Hashable, Sendable {
    /// Clients each make calls, one after another, to one server that counts them.
    case call(clients: Int)
    /// Producers each cast to one server; over when it has handled all of them.
    case cast(producers: Int)
    /// One sender casts to many servers in turn; over when each has handled its share.
    case fanOut(servers: Int)
    /// Pairs of servers, each pair passing one message to and fro. An operation is one message handled.
    case pingPong(pairs: Int)
    /// One message travels around a ring of servers. An operation is one message handled.
    case ring(servers: Int)
    /// Servers are started, left idle and stopped. An operation is one start.
    case spawn(servers: Int)
    /// A server ties itself to others, from inside a handler.
    case ties(Tying)
    /// A supervisor starts children, or starts one again that fails.
    case supervise(Supervising)
    /// Servers that each store every transition in one database before they answer. An operation is one transition.
    case durable(servers: Int, in: Keeping = .sqlite)
    /// That many timers are armed, then all of them cancelled before they fire. An operation is one of each.
    case timerCancel(timers: Int)
    /// That many timers fire; the figure is how late, not how long the run took.
    case timerFire(timers: Int)
    /// Two readers look servers up by name, while a third party registers and unregisters others or does not.
    case lookup(churn: Bool)
    /// A registry with string keys: looked up, changed, or told to tell 10,000.
    case registry(Registering)
    /// Events pass from a producer through a stage in the middle to a consumer, with so many under way at most.
    case stage(demand: Int)
    /// Two producers against a server that works for 1 us on each message.
    case backpressure(policy: Overload, casts: Int)

    /// Clients each call a server that a behaviour runs, in turns with the same calls to a GenServer, which are `call_ns`.
    case behaviour(Behaviour, clients: Int)

    /// Who answers in `behaviour`.
    package enum Behaviour: String, Hashable, Sendable, CaseIterable {
        /// An agent's `update`.
        case agent
        /// A state machine: each call is a transition.
        case stateMachine = "statemachine"
        /// The same, and each transition starts a timeout and ends one.
        case timedStateMachine = "statemachine-timed"
    }

    /// What a server of `ties` does.
    package enum Tying: String, Hashable, Sendable, CaseIterable {
        /// Links with a server and unlinks.
        case link = "link-unlink"
        /// Watches a server and stops watching it.
        case monitor = "monitor-cancel"
        /// Hears of one end as often as it watches; an operation is one DOWN.
        case down
        /// Starts a linked raw process that ends at once, and hears of it.
        case spawnLink = "spawn-link"
    }

    /// What is done with a registry.
    package enum Registering: String, Hashable, Sendable, CaseIterable {
        /// Two readers look 1,000 processes up.
        case lookup
        /// The same while another process registers and unregisters other keys without pause.
        case lookupChurn = "lookup-churn"
        /// A process registers 1,000 keys and unregisters them; an operation is one of each.
        case register = "register-unregister"
        /// Processes that are in no group yet are put into one; an operation is one of them.
        case join
        /// A closure that counts is given each of 10,000 entries; an operation is one entry.
        case dispatch
        /// A message is sent to each of 10,000 servers; an operation is one send.
        case publish
    }

    /// Where `durable` servers keep what they know.
    package enum Keeping: String, Hashable, Sendable, CaseIterable {
        case sqlite, postgresql
    }

    /// What a supervisor of `supervise` does.
    package enum Supervising: String, Hashable, Sendable, CaseIterable {
        /// Starts a list of children, one after the other.
        case list
        /// Starts children that are asked for one by one, by one task.
        case dynamic
        /// The same, asked for by 64 tasks.
        case dynamicCrowd = "dynamic-64"
        /// Starts a child again: from its throw until the next one is in `init`.
        case restart
    }

    /// What a full mailbox does.
    package enum Overload: String, Hashable, Sendable, CaseIterable {
        case unbounded, wait, reject, dropOldest
    }
}

extension Workload {
    /// The name in reports and in `--only`.
    package var name: String {
        switch self {
        case .call: "call"
        case .cast: "cast"
        case .fanOut: "fan-out"
        case .pingPong: "ping-pong"
        case .ring: "ring"
        case .spawn: "spawn"
        case .ties: "ties"
        case .supervise: "supervise"
        case .durable: "durable"
        case .timerCancel, .timerFire: "timer"
        case .lookup: "lookup"
        case .registry: "registry"
        case .stage: "stage"
        case .backpressure: "backpressure"
        case .behaviour(let behaviour, _): behaviour.rawValue
        }
    }

    /// The parameters in the order in which a person would say them.
    package var orderedParameters: [(name: String, value: ParameterValue)] {
        switch self {
        case .call(let clients), .behaviour(_, let clients): [("clients", .integer(clients))]
        case .cast(let producers): [("producers", .integer(producers))]
        case .fanOut(let servers), .ring(let servers), .spawn(let servers): [("servers", .integer(servers))]
        case .pingPong(let pairs): [("pairs", .integer(pairs))]
        case .ties(let kind): [("mode", .text(kind.rawValue))]
        case .supervise(let kind): [("mode", .text(kind.rawValue))]
        case .durable(let servers, .sqlite): [("servers", .integer(servers))]
        case .durable(let servers, .postgresql): [("servers", .integer(servers)), ("store", .text("postgresql"))]
        case .timerCancel(let timers): [("mode", .text("arm-cancel")), ("timers", .integer(timers))]
        case .timerFire(let timers): [("mode", .text("fire")), ("timers", .integer(timers))]
        case .lookup(let churn): [("churn", .flag(churn))]
        case .registry(let kind): [("mode", .text(kind.rawValue))]
        case .stage(let demand): [("demand", .integer(demand))]
        case .backpressure(let policy, let casts): [("policy", .text(policy.rawValue)), ("casts", .integer(casts))]
        }
    }

    package var parameters: [String: ParameterValue] {
        Dictionary(uniqueKeysWithValues: orderedParameters.map { ($0.name, $0.value) })
    }

    /// `call/clients=8`: names one workload with its parameters, in `--only` and between parent and child process.
    package var id: String {
        name + "/" + orderedParameters.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
    }

    /// What `ns_per_op` means here, for people.
    package var unit: String {
        switch self {
        case .call, .behaviour: "ns a call"
        case .cast, .fanOut: "ns a cast, handled"
        case .pingPong, .ring: "ns a message"
        case .spawn: "ns a start"
        case .ties(.link): "ns to link and unlink"
        case .ties(.monitor): "ns to watch and cancel"
        case .ties(.down): "ns a DOWN, handled"
        case .ties(.spawnLink): "ns a start and its end"
        case .durable: "ns a transition, synced"
        case .supervise(.restart): "ns from a throw to the next init"
        case .supervise: "ns a supervised start"
        case .timerCancel: "ns to arm and cancel"
        case .timerFire: "ns late, mean"
        case .lookup, .registry(.lookup), .registry(.lookupChurn): "ns a lookup"
        case .registry(.register): "ns to register and unregister"
        case .registry(.join): "ns a first join"
        case .registry(.dispatch), .registry(.publish): "ns an entry"
        case .stage: "ns an event, handled twice"
        case .backpressure: "ns a cast, settled"
        }
    }
}

/// A parameter of a workload; encodes as a bare number, string or boolean.
package enum ParameterValue: Hashable, Sendable, CustomStringConvertible {
    case integer(Int)
    case text(String)
    case flag(Bool)

    package var description: String {
        switch self {
        case .integer(let value): String(value)
        case .text(let value): value
        case .flag(let value): String(value)
        }
    }
}

extension ParameterValue: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let integer = try? container.decode(Int.self) {
            self = .integer(integer)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .integer(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .flag(let value): try container.encode(value)
        }
    }
}
