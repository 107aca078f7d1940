// SPDX-License-Identifier: Apache-2.0
// What one start can set. What holds for every start of a server is declared by its type.

/// The settings of one start; what is nil is as the server's type declares it.
///
/// A plain value: it may be kept and used for many starts, from any thread. A supervisor uses the same options for each
/// restart.
///
/// OTP: the options of `gen_server:start_link/4`.
///
/// ```swift
/// let options = StartOptions(mailbox: .bounded(1_024, whenFull: .reject), label: "importer")
/// let importer = try await Importer.start(url, options: options)
/// ```
public struct StartOptions: Sendable {
    /// The bound of the mailbox, in place of the type's; default nil: the type's.
    public var mailbox: MailboxPolicy?
    /// The time `init` may take; default nil: as long as it likes (R1).
    ///
    /// When it is over, the process is killed and start throws ``StartError/timeout``. Zero, and a negative duration,
    /// which counts as zero, leave no time at all.
    public var timeout: Duration?
    /// The time without a message after which the process hibernates; default nil: the type's.
    ///
    /// Zero, and a negative duration, which counts as zero: as soon as its mailbox is empty.
    public var hibernatesAfter: Duration?
    /// A label for humans, in reports and tools; default nil: none.
    ///
    /// It need not be unique and is not a name.
    public var label: String?
    /// The runtime to run in and to register the name in; default nil: `Runtime.current` at the moment of the start.
    public var runtime: Runtime?

    /// Creates options; without arguments, those that change nothing.
    ///
    /// - Parameters:
    ///   - mailbox: the bound of the mailbox; by default the type's.
    ///   - timeout: the time `init` may take; by default without a limit.
    ///   - hibernatesAfter: the time without a message before hibernation; by default the type's.
    ///   - label: a label for humans; by default none.
    ///   - runtime: the runtime to run in; by default the current one.
    public init(
        mailbox: MailboxPolicy? = nil, timeout: Duration? = nil, hibernatesAfter: Duration? = nil,
        label: String? = nil, runtime: Runtime? = nil
    ) {
        self.mailbox = mailbox
        self.timeout = timeout
        self.hibernatesAfter = hibernatesAfter
        self.label = label
        self.runtime = runtime
    }
}
