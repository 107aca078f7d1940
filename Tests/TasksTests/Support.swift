// SPDX-License-Identifier: Apache-2.0
// What the tests of tasks share: values that count their ends, and owners of every kind.

import Martlet
import MartletTestKit
import Testing

extension Tag {
    /// Many interleavings, chosen by seeds.
    @Tag static var systematic: Self
    /// Something could be left behind.
    @Tag static var leak: Self
}

struct Failure: Error {}

/// How many values there are.
final class Lives: Sendable {
    private let count = _Locked(0)
    fileprivate func add(_ n: Int) { count.withLock { $0 += n } }
    var alive: Int { count.withLock { $0 } }
}

/// A value whose end is seen.
final class Tracked: Sendable {
    let number: Int
    private let lives: Lives

    init(_ number: Int, _ lives: Lives) {
        (self.number, self.lives) = (number, lives)
        lives.add(1)
    }

    deinit { lives.add(-1) }
}

/// A server that does what it is told: an owner of tasks.
struct Owner: GenServer {
    enum Call { case run(From<String>, @Sendable (inout Owner) throws -> String) }
    enum Cast { case tell(@Sendable (inout Owner) throws -> Void) }
    enum Message { case done(String) }

    /// What came to the mailbox.
    var seen: [String] = []
    var task: TaskRef<Int>?

    init(_: Void) {}

    mutating func handleCall(_ call: Call) throws -> Next {
        switch call {
        case .run(let from, let body): from.reply(try body(&self))
        }
    }
    mutating func handleCast(_ cast: Cast) throws -> Next {
        if case .tell(let body) = cast { try body(&self) }
        return .wait
    }
    mutating func handleInfo(_ info: Info<Message>) -> Next {
        switch info {
        case .message(.done(let what)): seen.append(what)
        case .exit(_, let reason): seen.append("exit \(reason)")
        default: seen.append("other")
        }
        return .wait
    }
}

extension ServerAddress<Owner.Ref> {
    func run(_ body: @escaping @Sendable (inout Owner) throws -> String) async throws(CallError) -> String {
        try await call { .run($0, body) }
    }
    var seen: [String] {
        get async throws { try await run { $0.seen.joined(separator: ", ") }.split(separator: ", ").map(String.init) }
    }
}

/// The outcome of a wait, in words.
nonisolated(nonsending) func word<Value>(_ body: () async throws -> Value?) async -> String {
    do {
        guard let value = try await body() else { return "nothing" }
        return "\(value)"
    } catch TaskError.timeout { return "timeout" } catch TaskError.exited(let reason) {
        return "exited: \(reason)"
    } catch TaskError.notOwner { return "not owner" } catch TaskError.cancelled { return "cancelled" } catch {
        return "\(error)"
    }
}

/// The words of a stream's elements.
nonisolated(nonsending) func words<Value>(of stream: TaskStream<Value>) async -> [String] {
    var words: [String] = []
    for await result in stream { words.append(await word { try result.get() }) }
    return words
}

extension TestRuntime {
    /// What is under way comes to its end, and leaves nothing.
    func settle(fileID: StaticString = #fileID, filePath: StaticString = #filePath, line: UInt = #line) async {
        await clock.runUntilIdle()
        assertNothingLeft(fileID: fileID, filePath: filePath, line: line)
    }
}
