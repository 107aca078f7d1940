// SPDX-License-Identifier: Apache-2.0
// How `init` fails without a crash.

/// Thrown out of `init`: fail the start with an error, but exit `normal`.
///
/// Start throws ``StartError/failed(_:)`` with the error in it. As the exit is normal, a linked starter that does not
/// trap exits lives on, and no crash report is written. Any other error out of `init` fails the start in the same way,
/// but is the exit reason too and so takes a linked starter along (R2).
///
/// OTP: `{error, Reason}` returned by `init/1` (since 26), against `{stop, Reason}`.
public struct Refusal: Error, Sendable {
    /// What ``StartError/failed(_:)`` carries.
    public let error: any Error

    /// Creates the value to throw.
    ///
    /// - Parameter error: what start shall fail with.
    public init(_ error: any Error) { self.error = error }
}

extension Refusal: CustomStringConvertible {
    /// `refusal` and the name of the error's type, never its value.
    public var description: String { "refusal (\(type(of: error)))" }
}
