// SPDX-License-Identifier: Apache-2.0
// What the server, or the client library, says when something fails, and which word of stores that is.

internal import MartletPersistence

/// PostgreSQL's own error, in the `failed` of a `StoreError`.
public struct PostgreSQLError: Error, Sendable {
    /// What it is about; more may be added.
    @nonexhaustive
    public enum Kind: Sendable {
        /// The server cannot be reached, or has ended the session.
        case unreachable
        /// Wrong user or password, or the server lets nobody in from here (class 28).
        case authentication
        /// There is no such database (3D000).
        case noDatabase
        /// The server is a standby, or read-only (25006).
        case readOnly
        /// The user may not do that (42501).
        case notPermitted
        /// The connection string is none.
        case configuration
        /// Anything else: see `sqlState`.
        case other
    }

    /// What it is about.
    public let kind: Kind
    /// PostgreSQL's code of five characters; nil where the client library failed.
    public let sqlState: String?
    /// The server, as `host:port`; the host is a folder for a local socket.
    public let server: String
    /// In the words of the server.
    ///
    /// May quote what was to be stored: not for logs.
    public let message: String

    init(sqlState: String?, server: String, message: String, kind: Kind? = nil) {
        self.kind = kind ?? Self.kind(of: sqlState)
        self.sqlState = sqlState
        self.server = server
        self.message = message
    }

    private static func kind(of sqlState: String?) -> Kind {
        guard let sqlState else { return .unreachable }
        // Ended by the administrator, by a crash; starting up, or going down. And: too many connections.
        if sqlState.hasPrefix("08") || sqlState.hasPrefix("57P") || sqlState == "53300" { return .unreachable }
        if sqlState.hasPrefix("28") { return .authentication }
        return switch sqlState {
        case "3D000": .noDatabase
        case "25006": .readOnly
        case "42501": .notPermitted
        default: .other
        }
    }

    /// In the words of stores.
    var storeError: StoreError {
        if kind == .unreachable { return .unreachable(server: server) }
        return switch sqlState {
        // No space on a disk; a limit of temporary files.
        case "53100", "53400": .full
        // A lock or a statement that took too long; transactions in each other's way.
        case "55P03", "55006", "57014", "40001", "40P01": .busy
        case "XX001", "XX002": .corrupt(sequence: 0)
        default: .failed(self)
        }
    }
}

extension PostgreSQLError: CustomStringConvertible {
    /// Kind, code and server, for logs: not the message.
    public var description: String { "\(kind) (\(sqlState ?? "no code"), \(server))" }
}
