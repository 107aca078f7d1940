// SPDX-License-Identifier: Apache-2.0
// What the servers and the tasks of the tree soak share: names, a store, and the account of what was answered.

import Martlet
import MartletPersistence
import Synchronization

/// One server's calls, over all its lives.
final class CallAccount: Sendable {
    /// Additions that a server has made, and that a caller was told of.
    let applied = Tally(), acknowledged = Tally()
    /// Calls that ended in an error: whether the addition was made is not known.
    let unknown = Tally()

    /// Makes a call, and notes how it ended.
    func note(_ call: () async throws -> Void) async {
        do {
            try await call()
            acknowledged.add()
        } catch { unknown.add() }
    }

    /// Whether as many were made as could be.
    func allows(_ applied: Int) -> Bool {
        acknowledged.count <= applied && applied <= acknowledged.count + unknown.count
    }
}

/// What the soak of a supervision tree counts and looks up.
final class TreeWorld: Sendable {
    let residents = Registry<Int, Void>("residents"), guests = Registry<Int, Void>("guests")
    let ledgers = Registry<Int, Void>("ledgers"), fuses = Registry<Int, Void>("fuses")
    let sparks = Registry<Int, Void>("sparks"), houses = Registry<Int, Void>("houses")
    let store = MemoryStore()
    let residentAccounts: [CallAccount], ledgerAccounts: [CallAccount]

    let operations = Tally(), crashes = Tally(), kills = Tally(), houseKills = Tally(), guestLives = Tally()
    let ticks = Tally(), alarms = Tally(), earlyTimers = Tally()
    /// Supervisors that lived through as many crashes as allowed, and that gave up at one more.
    let endured = Tally(), gaveUp = Tally()
    /// States of residents made and destroyed.
    let born = Tally(), ended = Tally()
    private let faults = _Locked<[String]>([])

    init(residents: Int, ledgers: Int) {
        residentAccounts = (0..<residents).map { _ in CallAccount() }
        ledgerAccounts = (0..<ledgers).map { _ in CallAccount() }
    }

    /// Notes what must not be.
    func fault(_ text: String) { faults.withLock { if $0.count < 20 { $0.append(text) } } }
    var violations: [String] { faults.withLock { $0 } }

    /// Whether every part of the load has done something.
    var hasSeenAll: Bool { activities.allSatisfy { $0.tally.count > 0 } }
    var activities: [(name: String, tally: Tally)] {
        [
            ("operations", operations), ("crashes", crashes), ("kills", kills), ("house_kills", houseKills),
            ("guest_lives", guestLives), ("alarms", alarms), ("endured", endured), ("gave_up", gaveUp),
        ]
    }
}
