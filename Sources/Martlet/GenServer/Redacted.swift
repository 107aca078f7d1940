// SPDX-License-Identifier: Apache-2.0
// A value that no log shows. Not protection of memory: the value lies there in the clear.

/// Wraps a secret, so that the state and the messages around it can be shown.
///
/// Every way to turn it into text gives `<redacted>`: interpolation, `print`, `debugPrint`, `dump` and mirrors, also
/// where it is inside another value. Only ``value`` gives the secret. It is not `Codable` either: an encoder would write
/// it out.
///
/// It is as sendable, equatable and hashable as the value is.
///
/// OTP: what `format_status/1` is written for, once for every place that shows a value.
///
/// When not to use: against who reads the memory of the program. It hides a value from texts, and does not encrypt it.
public struct Redacted<Value>: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The secret.
    public var value: Value

    /// Wraps a secret.
    ///
    /// - Parameter value: the secret.
    public init(_ value: Value) { self.value = value }

    /// `<redacted>`.
    public var description: String { "<redacted>" }

    /// `<redacted>`.
    public var debugDescription: String { "<redacted>" }

    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Redacted: Sendable where Value: Sendable {}
extension Redacted: Equatable where Value: Equatable {}
extension Redacted: Hashable where Value: Hashable {}
