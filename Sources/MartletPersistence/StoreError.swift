// SPDX-License-Identifier: Apache-2.0
// How storing can fail. In every case but one the journal is as before.

public import Martlet

/// Why something is not stored, or not read; the journal is as before, but for `unknown`.
///
/// New cases may be added: a `switch` needs a default.
@nonexhaustive
public enum StoreError: Error, Sendable {
    /// A later opening of the same name has taken over; this one stores nothing any more.
    case fenced
    /// There is no room: the disk or the quota is full.
    case full
    /// Another program holds the database for longer than the store waits.
    case busy
    /// The database server does not answer, for longer than the store waits; where it should be.
    case unreachable(server: String)
    /// The server was lost while it stored, and did not come back in time: stored, or not.
    ///
    /// The journal must be opened again: that tells. A ``Journal`` records nothing more.
    case unknown
    /// What is stored cannot be read, at that event; 0: at the snapshot. Or it is not what the writer takes it for.
    ///
    /// Nothing was changed.
    case corrupt(sequence: UInt64)
    /// A value cannot be encoded.
    case notEncodable(any Error)
    /// The database's own error.
    case failed(any Error)
}

extension StoreError: ToldError, CustomStringConvertible {
    /// The failure in words, for logs; of an error the type's name.
    public var description: String {
        switch self {
        case .fenced: "fenced: a later opening has taken over"
        case .full: "full"
        case .busy: "busy: held by another program"
        case .unreachable(let server): "unreachable: \(server)"
        case .unknown: "unknown: the server was lost while it stored"
        case .corrupt(let sequence): "corrupt at event \(sequence)"
        case .notEncodable(let error): "not encodable (\(type(of: error)))"
        case .failed(let error): "failed (\(type(of: error)))"
        }
    }
}
