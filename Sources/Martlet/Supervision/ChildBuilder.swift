// SPDX-License-Identifier: Apache-2.0
// The list of children, written as a list: conditions and loops included.

/// Builds the children of a supervisor, in start order.
///
/// ```swift
/// Supervisor.start {
///     Counter.child(0, name: Counter.name)
///     if isCaching { Cache.child() }
///     for index in 0..<4 { Reporter.child(index, id: "reporter-\(index)") }
/// }
/// ```
///
/// OTP: the list of child specifications that `init/1` of a supervisor returns.
@resultBuilder
public enum ChildBuilder {
    /// One child.
    public static func buildExpression(_ child: ChildSpec) -> [ChildSpec] { [child] }
    /// Children made elsewhere.
    public static func buildExpression(_ children: [ChildSpec]) -> [ChildSpec] { children }
    /// A list that was made as one.
    public static func buildBlock(_ part: [ChildSpec]) -> [ChildSpec] { part }
    /// In order.
    public static func buildBlock(_ parts: [ChildSpec]...) -> [ChildSpec] { parts.flatMap { $0 } }
    /// `if`.
    public static func buildOptional(_ part: [ChildSpec]?) -> [ChildSpec] { part ?? [] }
    /// `if ... else`, `switch`.
    public static func buildEither(first part: [ChildSpec]) -> [ChildSpec] { part }
    /// `if ... else`, `switch`.
    public static func buildEither(second part: [ChildSpec]) -> [ChildSpec] { part }
    /// `for`.
    public static func buildArray(_ parts: [[ChildSpec]]) -> [ChildSpec] { parts.flatMap { $0 } }
    /// `if #available`.
    public static func buildLimitedAvailability(_ part: [ChildSpec]) -> [ChildSpec] { part }
}
