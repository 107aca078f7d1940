// SPDX-License-Identifier: Apache-2.0
// Publish and subscribe: a registry with duplicate keys whose values say where to send to. Who publishes does not know
// who listens; a subscriber that ends is gone from every topic, without a word.
//
// See it run: swift test --filter NewsDeskExample

import Martlet

/// Subscribers by topic.
///
/// A constant; each runtime that starts it has its own.
let news = Registry<String, ProcessRef<String>>("news", .duplicate)

/// Reads what is published under the topics it was started with.
struct Reader: GenServer {
    enum Call { case read(From<[String]>) }
    typealias Message = String

    private var headlines: [String] = []

    init(_ topics: [String]) throws {
        for topic in topics { try news.register(topic, Reader.current.process) }
    }

    mutating func handleInfo(_ info: Info<String>) -> Next {
        if case .message(let headline) = info { headlines.append(headline) }
        return .wait
    }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .read(let from): from.reply(headlines)
        }
    }
}

func newsDeskTour(output: Output = terminal) async throws {
    try await news.start()  // in a program: news.child, before its users
    let fan = try await Reader.start(["sport"])
    let farmer = try await Reader.start(["weather", "sport"])

    output("\(news.publish("sport", "Two all"))")  // 2
    output("\(news.publish("weather", "Rain"))")  // 1
    output("\(try await farmer.call { .read($0) })")  // ["Two all", "Rain"]

    try await fan.stop()
    output("\(news.publish("sport", "Extra time"))")  // 1: who has ended is no subscriber
    try await farmer.stop()
}
