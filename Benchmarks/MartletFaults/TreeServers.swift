// SPDX-License-Identifier: Apache-2.0
// The servers of the tree soak, and the tree.

import Martlet
import MartletPersistence

struct TreeCrash: Error {}

/// Lives in a house for good: counts, ticks, and crashes when told to.
struct Resident: GenServer {
    enum Call { case add(From<Int>) }
    enum Cast { case crash, arm(Duration) }
    enum Message: Sendable { case tick, alarm(due: UInt64) }

    /// Counts the end of the state, whatever ended it.
    private final class Life: Sendable {
        private let world: TreeWorld
        init(_ world: TreeWorld) {
            self.world = world
            world.born.add()
        }
        deinit { world.ended.add() }
    }

    private let world: TreeWorld
    private let account: CallAccount
    private let life: Life
    private var sum = 0

    init(_ argument: (world: TreeWorld, number: Int)) {
        world = argument.world
        account = world.residentAccounts[argument.number]
        life = Life(world)
        Self.current.sendInterval(.milliseconds(4_000 + argument.number % 4_000), .tick)
    }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .add(let from):
            sum += 1
            account.applied.add()
            return from.reply(sum)
        }
    }

    mutating func handleCast(_ cast: Cast) throws -> Next {
        switch cast {
        case .crash: throw TreeCrash()
        case .arm(let delay):
            let due = monotonicNow() + UInt64(delay.components.attoseconds / 1_000_000_000)
            Self.current.sendAfter(delay, .alarm(due: due))
            return .wait
        }
    }

    mutating func handleInfo(_ info: Info<Message>) -> Next {
        switch info {
        case .message(.tick): world.ticks.add()
        case .message(.alarm(let due)):
            if monotonicNow() < due { world.earlyTimers.add() }
            world.alarms.add()
        default: break
        }
        return .wait
    }
}

/// Answers only for what it has stored.
struct Ledger: AsyncGenServer, ~Copyable {
    enum Call { case add(From<Int>), value(From<Int>) }
    enum Cast { case crash }
    enum Event: Codable { case added }

    private var journal: Journal<Int, Event>

    init(_ argument: (world: TreeWorld, number: Int)) async throws {
        journal = try await Journal(
            "\(argument.number)", in: argument.world.store, initial: 0, snapshotEvery: 100
        ) { value, _ in value += 1 }
    }

    mutating func handleCall(_ call: Call) async throws -> Next {
        switch call {
        case .add(let from):
            try await journal.record(.added)
            return from.reply(journal.value)
        case .value(let from): return from.reply(journal.value)
        }
    }

    mutating func handleCast(_ cast: Cast) async throws -> Next { throw TreeCrash() }
}

/// The only child of a supervisor with three restarts in two seconds.
struct Spark: GenServer {
    enum Cast { case crash }

    init(_: Void) {}

    mutating func handleCast(_ cast: Cast) throws -> Next { throw TreeCrash() }
}

/// Holds a name for a moment.
struct Guest: GenServer {
    enum Cast { case crash }

    init(_: Void) {}

    mutating func handleCast(_ cast: Cast) throws -> Next { throw TreeCrash() }
}

/// The tree: registries, ledgers, fuses, an inn for those who come and go, and houses of a hundred residents.
struct Tree {
    static let window = Duration.seconds(2), houseSize = 100, fuseCount = 8, guestCount = 8
    static let inn = DynamicSupervisor.Name("inn")
    /// More than there will be: what is random must not end the tree.
    private static let enough = 1_000_000

    let world: TreeWorld
    var houseCount: Int { (world.residentAccounts.count + Self.houseSize - 1) / Self.houseSize }

    func start() async throws(StartError) -> Supervisor.Ref {
        try await Supervisor.start(.restForOne, maxRestarts: 0) {
            for registry in [world.residents, world.guests, world.ledgers, world.fuses, world.sparks, world.houses] {
                registry.child
            }
            Supervisor.child("archive", maxRestarts: Self.enough) {
                for number in world.ledgerAccounts.indices {
                    Ledger.child((world, number), id: "\(number)", name: .via(world.ledgers, number))
                }
            }
            Supervisor.child("fuse box", maxRestarts: Self.enough) {
                for number in 0..<Self.fuseCount {
                    Supervisor.child("\(number)", within: Self.window, name: .via(world.fuses, number)) {
                        Spark.child(name: .via(world.sparks, number))
                    }
                }
            }
            DynamicSupervisor.child(name: Self.inn)
            Supervisor.child("town", maxRestarts: Self.enough) {
                for number in 0..<houseCount { house(number) }
            }
        }
    }

    /// One of ten restarts all its residents together, one the later ones.
    private func house(_ number: Int) -> ChildSpec {
        let first = number * Self.houseSize
        let numbers = first..<min(first + Self.houseSize, world.residentAccounts.count)
        let strategy: Supervisor.Strategy =
            switch number % 10 {
            case 0: .oneForAll
            case 1: .restForOne
            default: .oneForOne
            }
        return Supervisor.child(
            "\(number)", strategy, maxRestarts: Self.enough, name: .via(world.houses, number)
        ) {
            for resident in numbers {
                Resident.child((world, resident), id: "\(resident)", name: .via(world.residents, resident))
            }
        }
    }
}
