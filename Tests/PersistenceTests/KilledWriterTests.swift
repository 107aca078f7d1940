// SPDX-License-Identifier: Apache-2.0
// A program of durable counters is killed while it writes (Tests/DurableWriter).

import Foundation
import Martlet
import MartletPersistence
import Testing

@Suite("A killed program's journals", .sharesPostgreSQL, .timeLimit(.minutes(5)))
struct KilledWriterTests {
    private static let rounds = 5
    private static let counters = 8

    @Test("kill -9 at any moment loses no acknowledged transition (F21)", arguments: StoreKind.lasting)
    func killed(kind: StoreKind) async throws {
        let folder = try Folder()
        let address = try await kind.address(in: folder)
        var acknowledged: [String: Int] = [:]
        for round in 1...Self.rounds {
            let output = try await blocking { try Self.writeAndKill(address, afterLines: round * 40) }
            for line in output.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 2, let count = Int(words[1]) else { continue }
                acknowledged[String(words[0])] = max(acknowledged[String(words[0])] ?? 0, count)
            }
        }
        #expect(acknowledged.count == Self.counters)
        let store = try await kind.open(in: folder)
        for (name, count) in acknowledged {
            let counter = try await DurableCounter.start(.init(name: name, store: store))
            let found = try await counter.call { .get($0) }
            // One more may have been stored whose acknowledgement died with the program, each time.
            #expect(found >= count && found <= count + Self.rounds)
            try await counter.stop()
        }
    }

    /// Killed by what it has said, not by the clock.
    private static func writeAndKill(_ address: String, afterLines lines: Int) throws -> String {
        let folder = try #require(Bundle.main.executableURL?.deletingLastPathComponent())
        let writer = try Command([folder.appending(path: "DurableWriter").path, address])
        var seen = Data()
        while seen.count(where: { $0 == 10 }) < lines {
            let data = writer.output.availableData
            if data.isEmpty { break }
            seen.append(data)
        }
        kill(writer.pid, SIGKILL)
        seen.append(try writer.output.readToEnd() ?? Data())
        writer.wait()
        return String(decoding: seen, as: UTF8.self)
    }
}
