// SPDX-License-Identifier: Apache-2.0
// Requests whose replies are taken later.

extension ServerAddress {
    /// Asks and returns a handle for the reply (`gen_server:send_command/2`).
    ///
    /// Never waits: a bounded mailbox without room refuses it, and taking the reply fails with `overloaded`. Whatever goes
    /// wrong is told when the reply is taken. Runs on a worker, also with `.caller` execution.
    ///
    /// - Parameters:
    ///   - timeout: 5 seconds by default, from now on; nil waits for ever. A request from a handler has at most the time
    ///     that the request it handles has left.
    ///   - request: makes the request from the place of its reply; runs once, at once, or not at all when there is no room.
    /// - Returns: the reply to come.
    /// - Complexity: O(1): a call's message and a timer.
    @inlinable
    public func request<Reply: Sendable>(
        timeout: Duration? = .seconds(5), _ request: (From<Reply>) -> Call
    ) -> PendingReply<Reply> {
        let limit = timeout?._unsignedNanoseconds ?? .max
        guard let begun = _Request.begin(to: _pid, timeout: limit, Reply.self, Call.self) else {
            return PendingReply(raw: 0)
        }
        begun.call.queueNow { request(From(raw: begun.call.ref)) }
        return PendingReply(raw: begun.ref)
    }
}
