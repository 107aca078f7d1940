// SPDX-License-Identifier: Apache-2.0
// How `init` declines to run.

/// Thrown out of `init`: do not start this server, and do not take it for a failure.
///
/// The process exits `normal`, its name is free again, and start throws ``StartError/ignored``. A supervisor keeps the
/// child's specification and goes on with the next child. `terminate` does not run (R11).
///
/// OTP: `ignore` returned by `init/1`.
///
/// ```swift
/// init(_ configuration: Configuration) throws {
///     guard configuration.isEnabled else { throw Ignore() }
/// }
/// ```
public struct Ignore: Error, Sendable {
    /// Creates the value to throw.
    public init() {}
}
