// SPDX-License-Identifier: Apache-2.0
// Timeouts that a process owes itself, whatever its message type: for the engines of behaviours.

extension TimerRef {
    /// Sends the calling process a value after a delay: it arrives as `Info.unexpected`, behind what came before it was
    /// due, and no bound of the mailbox refuses or displaces it.
    ///
    /// In a callback.
    ///
    /// - Returns: the timer; nil when none could be armed: out of memory, or the process was killed.
    @usableFromInline
    static func reminding(after delay: Duration, of value: any Sendable) -> TimerRef? {
        let raw = _Timers.remind(after: delay._unsignedNanoseconds, of: value)
        return raw == 0 ? nil : TimerRef(raw: raw)
    }
}
