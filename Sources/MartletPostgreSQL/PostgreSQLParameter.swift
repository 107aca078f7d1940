// SPDX-License-Identifier: Apache-2.0
// Values on their way to the server and back, in its binary format: big-endian numbers, bytes as they are.

/// A value of a statement.
package enum PostgreSQLParameter: Sendable {
    case int(Int64)
    case bytes([UInt8])
    case intArray([Int64])
    case bytesArray([[UInt8]])

    /// Types by the number that PostgreSQL gives them.
    private enum TypeNumber: Int32 { case bytea = 17, int8 = 20 }

    var encoded: [UInt8] {
        switch self {
        case .int(let value): Self.bigEndian(value)
        case .bytes(let bytes): bytes
        case .intArray(let values): Self.array(of: .int8, values.map(Self.bigEndian))
        case .bytesArray(let values): Self.array(of: .bytea, values)
        }
    }

    /// One dimension from 1, no nulls: a header, then each element behind its length.
    private static func array(of type: TypeNumber, _ elements: [[UInt8]]) -> [UInt8] {
        if elements.isEmpty { return [0, 0, type.rawValue].flatMap(bigEndian) }
        var encoded = [1, 0, type.rawValue, Int32(elements.count), 1].flatMap(bigEndian)
        encoded.reserveCapacity(encoded.count + elements.reduce(0) { $0 + 4 + $1.count })
        for element in elements { encoded += bigEndian(Int32(element.count)) + element }
        return encoded
    }

    private static func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        stride(from: T.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> T($0)) }
    }
}

/// A row of a result: bytes by column, nil for NULL.
package struct PostgreSQLRow: Sendable {
    let columns: [[UInt8]?]

    /// A `bigint`.
    package func int(_ column: Int) -> Int64 {
        (columns[column] ?? []).reduce(0) { $0 << 8 | Int64($1) }
    }

    /// A `bytea`.
    package func bytes(_ column: Int) -> [UInt8] { columns[column] ?? [] }

    package func isNull(_ column: Int) -> Bool { columns[column] == nil }
}
