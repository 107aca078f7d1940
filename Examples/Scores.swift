// SPDX-License-Identifier: Apache-2.0
// State without a server type: an agent, and where it ends.
//
// See it run: swift test --filter ScoresExample

import Martlet

func agentTour(output: @escaping Output = terminal) async throws {
    let scores = try await Agent<[String: Int]>.start { [:] }
    try await scores.update { $0["ada", default: 0] += 1 }
    let old = try await scores.update { map in
        defer { map["ada"] = 0 }
        return map["ada"] ?? 0
    }
    output("ada had \(old)")
    scores.castUpdate { $0["bob"] = 5 }
    output("\(try await scores.get { $0.count }) players")

    // A closure that throws ends the agent, and with it the value.
    struct NoSuchPlayer: Error {}
    do {
        try await scores.update { scores in
            guard scores.removeValue(forKey: "eve") != nil else { throw NoSuchPlayer() }
        }
    } catch {
        output("\(error.reason)")
    }
    output("\(scores.castUpdate { $0.removeAll() })")
}
