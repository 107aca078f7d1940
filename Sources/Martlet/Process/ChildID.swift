// SPDX-License-Identifier: Apache-2.0
// The key of a child in its supervisor. Here, below the supervisors, because a failed start names the child.

/// Names a child within one supervisor; by default the name of the server's type.
///
/// Two children of one supervisor never have the same. It is not a name to call a server by: that is `ServerName`.
///
/// OTP: the `id` of a child specification.
public struct ChildID: Hashable, Sendable, ExpressibleByStringInterpolation, CustomStringConvertible {
    /// The name, as it was given.
    public let description: String

    /// A name made at run time; a literal with parts needs no `ChildID(…)`: `id: "reporter-\(index)"`.
    ///
    /// - Parameter description: any string.
    public init(_ description: String) { self.description = description }

    /// A literal name.
    public init(stringLiteral value: String) { description = value }
}
