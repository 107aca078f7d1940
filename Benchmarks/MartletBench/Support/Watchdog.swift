// SPDX-License-Identifier: Apache-2.0
// Ends the program when a run does not end: a lost message would otherwise leave it waiting for ever.

import Dispatch
import Foundation
import Synchronization

/// Watches one run.
final class Watchdog: Sendable {
    /// Far longer than the slowest run of the full catalogue on the slowest machine it was tried on.
    static let limitSeconds = 120
    static let exitCode: Int32 = 3

    private let isOver = Atomic<Bool>(false)

    /// - Parameter what: named in the message when time is up.
    init(_ what: String) {
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Watchdog.limitSeconds)) { [weak self] in
            // A run that is over has freed its watchdog, or says so. Relaxed: no data is published by it.
            guard let self, !self.isOver.load(ordering: .relaxed) else { return }
            let message = "martlet-bench: \(what) did not end within \(Watchdog.limitSeconds) s: a message is lost\n"
            FileHandle.standardError.write(Data(message.utf8))
            exit(Watchdog.exitCode)
        }
    }

    func stop() {
        isOver.store(true, ordering: .relaxed)
    }
}
