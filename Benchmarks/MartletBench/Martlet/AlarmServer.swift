// SPDX-License-Identifier: Apache-2.0
// `timer` on the pool: timers that send a server a message, armed from outside of it.

import Martlet
import MartletBenchCore

/// Its messages carry the instants at which they are due.
struct AlarmServer: GenServer {
    private let log: LatenessLog

    init(_ log: LatenessLog) {
        self.log = log
    }

    mutating func handleInfo(_ info: Info<UInt64>) -> Next {
        if case .message(let deadline) = info { log.fired(deadline: deadline) }
        return .wait
    }
}

/// Timers that send it messages.
struct Alarms: TimerTarget {
    let server: ServerRef<AlarmServer>

    func arm(deadline: UInt64) -> TimerRef {
        server.sendAfter(.nanoseconds(Int64(deadline) - Int64(MonotonicClock.now())), deadline)
    }

    func cancel(_ timer: TimerRef) {
        timer.cancel()
    }

    /// `arm` and `cancel` have done all when they return.
    func settle() throws {
        try WrongResult.unless(Runtime.shared.statistics.timers, is: 0, "timers armed after all were cancelled")
    }

    func finish() async throws {
        try await server.stop()
    }
}
