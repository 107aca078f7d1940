// SPDX-License-Identifier: Apache-2.0
// Pattern 5: an idle timeout, and hibernation. A minute without a message, and the server says so and gives memory back.
//
// See it run, in virtual time: swift test --filter CacheServerExample

import Martlet

struct CacheServer: GenServer {
    enum Call { case get(String, From<String?>) }
    enum Cast { case put(String, String) }
    struct Settings {
        var output: Output = terminal
        var idle = Duration.seconds(60)
    }

    private let output: Output
    private var cache: [String: String] = [:]

    /// What every handler returns: a timeout holds until the next message only, so one that returned plain `.wait` would
    /// turn it off.
    private let untilIdle: Next

    init(_ settings: Settings) {
        output = settings.output
        untilIdle = .wait(idle: settings.idle)
    }

    /// The timeout runs from the start on, not from the first message.
    var afterInit: Next { untilIdle }

    mutating func handleCast(_ cast: Cast) -> Next {
        switch cast {
        case .put(let key, let value): cache[key] = value
        }
        return untilIdle
    }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .get(let key, let from): from.reply(cache[key], then: untilIdle)
        }
    }

    mutating func handleInfo(_ info: Info<Never>) -> Next {
        guard case .timeout = info else { return untilIdle }
        output("Cache idle, hibernating...")
        return .hibernate  // until the next message, whose handler asks for the timeout again
    }
}

extension ServerAddress<CacheServer.Ref> {
    func put(_ key: String, _ value: String) { cast(.put(key, value)) }

    nonisolated(nonsending) func get(_ key: String) async throws(CallError) -> String? {
        try await call { .get(key, $0) }
    }
}

func cacheTour(
    idle: Duration = .seconds(60), output: @escaping Output = terminal
) async throws -> CacheServer.Ref {
    let cache = try await CacheServer.start(.init(output: output, idle: idle))
    cache.put("greeting", "hello")
    output(try await cache.get("greeting") ?? "nothing")  // hello
    return cache  // and a minute later: Cache idle, hibernating...
}
