// SPDX-License-Identifier: Apache-2.0
// Pattern 2: casts. Who enqueues a notification does not wait for it, and yet a call made afterwards sees it: messages
// of one sender arrive in the order of sending, whatever mix of calls and casts.
//
// See it run: swift test --filter NotificationQueueExample

import Martlet

struct NotificationQueue: GenServer {
    enum Call { case all(From<[String]>) }
    enum Cast { case enqueue(String) }
    static let name: Name = "notifications"
    /// Who casts does not wait, so nothing slows a flood down: a bound keeps memory flat, and the sender is told.
    static let mailbox = MailboxPolicy.bounded(10_000, whenFull: .reject)

    private var oldestFirst: [String] = []

    init(_: Void) {}

    mutating func handleCast(_ cast: Cast) -> Next {
        switch cast {
        case .enqueue(let notification): oldestFirst.append(notification)
        }
        return .wait
    }

    mutating func handleCall(_ call: Call) -> Next {
        switch call {
        case .all(let from): from.reply(oldestFirst.reversed())
        }
    }
}

extension ServerAddress<NotificationQueue.Ref> {
    /// The outcome may be ignored: `.full` and `.noProcess` are counted as dead letters in any case.
    @discardableResult
    func enqueue(_ notification: String) -> SendOutcome { cast(.enqueue(notification)) }

    /// All notifications, newest first.
    nonisolated(nonsending) func all() async throws(CallError) -> [String] { try await call { .all($0) } }
}

func notificationTour(output: Output = terminal) async throws {
    let queue = try await NotificationQueue.start(name: NotificationQueue.name)
    output("\(queue.enqueue("Email notification"))")  // queued: in the mailbox, not yet handled
    NotificationQueue.name.enqueue("SMS notification")
    output("\(try await queue.all())")  // ["SMS notification", "Email notification"]
    try await queue.stop()
}
