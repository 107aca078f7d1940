// SPDX-License-Identifier: Apache-2.0
// What a fault scenario found: figures, which are measured and written down, and violations, which fail it.

import Foundation

/// The result of one scenario.
///
/// Figures of time depend on the machine and are never judged tightly; counters are judged exactly.
public struct FaultReport: Sendable {
    /// The figure of the trust contract that it shows, as "F9".
    public let id: String
    /// What was measured, in order.
    public private(set) var figures: [(name: String, value: Double)] = []
    /// What must not be; empty: it passed.
    public private(set) var violations: [String] = []

    /// Nothing found yet.
    public init(_ id: String) { self.id = id }

    /// Notes a figure; the unit ends its name, as in "p99_ms".
    public mutating func measure(_ name: String, _ value: Double) { figures.append((name, value)) }

    /// Notes a figure that is a count.
    public mutating func measure(_ name: String, _ value: Int) { figures.append((name, Double(value))) }

    /// Notes a violation unless the condition holds.
    public mutating func expect(_ condition: Bool, _ otherwise: @autoclosure () -> String) {
        if !condition { violations.append(otherwise()) }
    }

    /// Notes a violation unless the two are equal.
    public mutating func expectEqual<Value: Equatable>(_ actual: Value, _ expected: Value, _ what: String) {
        expect(actual == expected, "\(what): expected \(expected), got \(actual)")
    }

    /// One line of JSON, keys in the order of measuring.
    public var json: String {
        let fields =
            ["\"id\":\"\(id)\"", "\"ok\":\(violations.isEmpty)"]
            + figures.map { "\"\($0.name)\":\(Self.number($0.value))" }
            + (violations.isEmpty ? [] : ["\"violations\":[\(violations.map(Self.quoted).joined(separator: ","))]"])
        return "{\(fields.joined(separator: ","))}"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : String(format: "%.3f", value)
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        return "\"\(escaped.replacingOccurrences(of: "\n", with: " "))\""
    }
}
