// SPDX-License-Identifier: Apache-2.0
// What stores of rows share when they read: each body has a checksum of its own, since a database guards its pages against
// crashes, not against a disk that changes bytes.

/// The whole events of a journal, from its rows in order.
///
/// From the first that is not whole, none may be whole: then they are a tail that was torn, and left out.
package struct StoredEvents {
    private let covered: UInt64
    package private(set) var events: [[UInt8]] = []
    package private(set) var cutBytes = 0

    /// - Parameter covered: the events in the snapshot.
    package init(after covered: UInt64) { self.covered = covered }

    /// The number of the last whole event.
    package var sequence: UInt64 { covered + UInt64(events.count) }

    /// Takes the next row.
    ///
    /// - Throws: `corrupt` for a gap, and for a whole event behind one that is not.
    package mutating func add(_ body: [UInt8], checksum: Int64, at sequence: Int64) throws(StoreError) {
        let expected = self.sequence + 1
        guard checksum == crc32(body) else {
            cutBytes += max(1, body.count)
            return
        }
        guard cutBytes == 0, sequence == Int64(expected) else { throw .corrupt(sequence: expected) }
        events.append(body)
    }
}

/// CRC-32 (IEEE 802.3).
package func crc32(_ bytes: [UInt8]) -> Int64 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes { crc = crcTable[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8) }
    return Int64(crc ^ 0xFFFF_FFFF)
}

private let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ 0xEDB8_8320 : crc >> 1 }
}
