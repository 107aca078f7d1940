// SPDX-License-Identifier: Apache-2.0
// `registry`: a server that registers from inside a handler, and one that counts what is published.

import Martlet
import MartletBenchCore

/// Registers keys as its own.
struct RegisteringServer: GenServer {
    enum Call {
        /// Keeps the keys.
        case register([String], From<Int>)
        /// Registers and unregisters all of them, so often; how long each half computed.
        case cycle([String], rounds: Int, From<(register: UInt64, unregister: UInt64)>)
    }
    enum Cast {
        /// Registers and unregisters until told to stop.
        case churn([String], StopFlag)
    }

    private let registry: Registry<String, Int>

    init(_ registry: Registry<String, Int>) {
        self.registry = registry
    }

    mutating func handleCall(_ call: Call) throws -> Next {
        switch call {
        case .register(let keys, let from):
            for (value, key) in keys.enumerated() { try registry.register(key, value) }
            return from.reply(keys.count)
        case .cycle(let keys, let rounds, let from):
            var (registered, unregistered) = (UInt64(0), UInt64(0))
            for _ in 0..<rounds {
                let start = ThreadTime.now()
                for (value, key) in keys.enumerated() { try registry.register(key, value) }
                let middle = ThreadTime.now()
                for key in keys { registry.unregister(key) }
                registered += middle - start
                unregistered += ThreadTime.now() - middle
            }
            return from.reply((registered, unregistered))
        }
    }

    mutating func handleCast(_ cast: Cast) throws -> Next {
        switch cast {
        case .churn(let keys, let isOver):
            while !isOver.isSet {
                for (value, key) in keys.enumerated() { try registry.register(key, value) }
                for key in keys { registry.unregister(key) }
            }
        }
        return .wait
    }
}

/// Counts numbers that are published, among many.
struct SubscribedServer: GenServer {
    struct Argument {
        let topics: Registry<String, ProcessRef<Int>>?
        let expected: Int
        let drained: Latch
    }
    typealias Message = Int

    private let argument: Argument
    private var count = 0

    init(_ argument: Argument) throws {
        self.argument = argument
        try argument.topics?.register("topic", SubscribedServer.current.process)
    }

    mutating func handleInfo(_ info: Info<Int>) -> Next {
        count += 1
        if count == argument.expected { argument.drained.arrive() }
        return .wait
    }
}
