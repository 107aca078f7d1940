// SPDX-License-Identifier: Apache-2.0
// One connection, used by one thread: the only file that touches libpq, and so the only one of this module with unsafe code.
// Statements go out as a pipeline: all of them, then one sync, then all results, in one round trip.
//
//     run   send ... send, sync ->      <- result ... result, synced
//
// libpq is in its non-blocking mode: a server that waits until its results are read would wait for us for ever while we
// wait until our statements are taken. Waiting is poll(2), with an end: a server that says nothing is lost.

internal import CLibPQ
internal import Glibc

/// The connection is gone: what was under way may have happened or not.
package struct ConnectionLost: Error {
    let cause: PostgreSQLError
}

/// A session on a server.
@safe
package final class PostgreSQLConnection {
    /// A statement to run.
    package enum Statement: Sendable {
        case text(String, [PostgreSQLParameter] = [])
        case prepare(name: String, text: String)
        case prepared(String, [PostgreSQLParameter] = [])
    }

    /// What became of it.
    package enum Outcome: Sendable {
        case rows([PostgreSQLRow])
        case failed(PostgreSQLError)
        /// One before it failed.
        case skipped
    }

    private let handle: OpaquePointer
    /// How long the server may say nothing.
    private let silenceMax: Duration
    /// As `host:port`.
    package let server: String

    /// Connects.
    ///
    /// - Parameters:
    ///   - address: keywords and values, or a URI, as libpq takes them.
    ///   - timeout: until the session is there.
    ///   - silenceMax: how long the server may say nothing from then on.
    package init(
        to address: String, within timeout: Duration, silenceMax: Duration
    ) throws(PostgreSQLError) {
        // What stands in `dbname` and behind counts more.
        let settings = [
            ("client_encoding", "UTF8"), ("fallback_application_name", "martlet"), ("dbname", address),
        ]
        unsafe handle = try Self.start(settings)
        self.silenceMax = silenceMax
        server = unsafe Self.server(handle)
        // The session's errors have a code in their text: there is no other way to it before there are results.
        unsafe PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        unsafe PQsetNoticeProcessor(handle, { _, _ in }, nil)
        try establish(by: .now + timeout)
        guard unsafe PQsetnonblocking(handle, 1) == 0, unsafe PQenterPipelineMode(handle) == 1 else { throw failure() }
    }

    deinit { unsafe PQfinish(handle) }

    private static func start(_ settings: [(String, String)]) throws(PostgreSQLError) -> OpaquePointer {
        let keywords = unsafe settings.map { unsafe strdup($0.0) }
        let values = unsafe settings.map { unsafe strdup($0.1) }
        defer { unsafe (keywords + values).forEach { unsafe free($0) } }
        let handle = unsafe PQconnectStartParams(
            keywords.map { unsafe UnsafePointer($0) } + [nil], values.map { unsafe UnsafePointer($0) } + [nil], 1)
        guard let handle = unsafe handle else {
            throw PostgreSQLError(sqlState: nil, server: "", message: "out of memory", kind: .other)
        }
        // Not even a host: the settings could not be read.
        if unsafe PQstatus(handle) == CONNECTION_BAD, unsafe Self.server(handle) == ":" {
            defer { unsafe PQfinish(handle) }
            throw PostgreSQLError(
                sqlState: nil, server: "", message: unsafe String(cString: PQerrorMessage(handle)), kind: .configuration
            )
        }
        return unsafe handle
    }

    private func establish(by deadline: ContinuousClock.Instant) throws(PostgreSQLError) {
        if unsafe PQstatus(handle) == CONNECTION_BAD { throw failure() }
        var next = PGRES_POLLING_WRITING
        while next != PGRES_POLLING_OK {
            if next == PGRES_POLLING_FAILED { throw failure() }
            let events = Int16(next == PGRES_POLLING_READING ? POLLIN : POLLOUT)
            guard wait(for: events, until: deadline) != 0 else {
                throw PostgreSQLError(sqlState: nil, server: server, message: "no answer in time")
            }
            next = unsafe PQconnectPoll(handle)
        }
    }

    private static func server(_ handle: OpaquePointer) -> String {
        func text(_ pointer: UnsafePointer<CChar>?) -> String {
            unsafe pointer.map { unsafe String(cString: $0) } ?? ""
        }
        return unsafe "\(text(PQhost(handle))):\(text(PQport(handle)))"
    }

    /// What libpq says; its text has the server's code in front: `FATAL:  28P01: password ...`.
    private func failure() -> PostgreSQLError {
        let message = unsafe String(cString: PQerrorMessage(handle))
        let code = message.matches(of: #/:  ([0-9A-Z]{5}): /#).last.map { String($0.1) }
        let isLocked = unsafe PQconnectionNeedsPassword(handle) == 1
        return PostgreSQLError(
            sqlState: code, server: unsafe Self.server(handle), message: message, kind: isLocked ? .authentication : nil
        )
    }

    // MARK: Running statements

    /// Runs statements in one round trip; what follows one that failed is skipped.
    package func run(_ statements: [Statement]) throws(ConnectionLost) -> [Outcome] {
        for statement in statements { try send(statement) }
        guard unsafe PQpipelineSync(handle) == 1 else { throw ConnectionLost(cause: failure()) }
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(statements.count)
        while true {
            while unsafe PQisBusy(handle) == 1 { try exchange() }
            guard let result = unsafe PQgetResult(handle) else {
                // The end of one statement; or of all, if there is no connection any more.
                if unsafe PQstatus(handle) == CONNECTION_BAD { throw ConnectionLost(cause: failure()) }
                continue
            }
            defer { unsafe PQclear(result) }
            switch unsafe PQresultStatus(result) {
            case PGRES_PIPELINE_SYNC: return outcomes
            case PGRES_PIPELINE_ABORTED: outcomes.append(.skipped)
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK: outcomes.append(.rows(unsafe Self.rows(of: result)))
            default:
                let error = unsafe error(of: result)
                if error.kind == .unreachable { throw ConnectionLost(cause: error) }
                outcomes.append(.failed(error))
            }
        }
    }

    /// Runs statements that are expected to succeed.
    ///
    /// - Returns: the rows of the last.
    @discardableResult
    package func rows(_ statements: [Statement]) throws(PostgreSQLError) -> [PostgreSQLRow] {
        var last: [PostgreSQLRow] = []
        let outcomes: [Outcome]
        do { outcomes = try run(statements) } catch { throw error.cause }
        for outcome in outcomes {
            switch outcome {
            case .rows(let rows): last = rows
            case .failed(let error): throw error
            case .skipped: break
            }
        }
        return last
    }

    private func send(_ statement: Statement) throws(ConnectionLost) {
        let isSent =
            switch statement {
            case .prepare(let name, let text): unsafe PQsendPrepare(handle, name, text, 0, nil)
            case .text(let text, let parameters):
                unsafe Self.withParameters(parameters) {
                    unsafe PQsendQueryParams(handle, text, Int32($0.count), nil, $0, $1, $2, 1)
                }
            case .prepared(let name, let parameters):
                unsafe Self.withParameters(parameters) {
                    unsafe PQsendQueryPrepared(handle, name, Int32($0.count), $0, $1, $2, 1)
                }
            }
        if isSent != 1 { throw ConnectionLost(cause: failure()) }
    }

    /// Parameters as libpq takes them: addresses into one buffer, lengths, and that all are binary.
    private static func withParameters(
        _ parameters: [PostgreSQLParameter], _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> Int32
    ) -> Int32 {
        let values = parameters.map(\.encoded)
        // One byte more: the address of an empty value must not be null.
        let buffer = values.joined() + [0]
        return unsafe buffer.withUnsafeBytes { buffer in
            var offset = 0
            let addresses = unsafe values.map { value in
                defer { offset += value.count }
                return unsafe buffer.baseAddress.map { unsafe ($0 + offset).assumingMemoryBound(to: CChar.self) }
            }
            return unsafe body(addresses, values.map { Int32($0.count) }, values.map { _ in 1 })
        }
    }

    /// Sends what can be sent and reads what is there; waits until there is either.
    private func exchange() throws(ConnectionLost) {
        let unsent = unsafe PQflush(handle)
        guard unsent >= 0 else { throw ConnectionLost(cause: failure()) }
        let ready = wait(for: Int16(unsent == 1 ? POLLIN | POLLOUT : POLLIN), until: .now + silenceMax)
        if ready == 0 {
            throw ConnectionLost(cause: PostgreSQLError(sqlState: nil, server: server, message: "no answer in time"))
        }
        if ready & ~Int16(POLLOUT) != 0, unsafe PQconsumeInput(handle) == 0 { throw ConnectionLost(cause: failure()) }
    }

    /// Which of the events has come; 0: none in time.
    private func wait(for events: Int16, until deadline: ContinuousClock.Instant) -> Int16 {
        while true {
            let left = max(.zero, deadline - .now)
            var descriptor = pollfd(fd: unsafe PQsocket(handle), events: events, revents: 0)
            let count = unsafe poll(&descriptor, 1, Int32(min(left, .seconds(60)) / .milliseconds(1)) + 1)
            if count > 0 { return descriptor.revents }
            if count < 0 ? errno != EINTR : deadline <= .now { return 0 }
        }
    }

    // MARK: Results

    private static func rows(of result: OpaquePointer) -> [PostgreSQLRow] {
        (0..<(unsafe PQntuples(result))).map { row in
            PostgreSQLRow(
                columns: (0..<(unsafe PQnfields(result))).map { column in
                    guard unsafe PQgetisnull(result, row, column) == 0,
                        let value = unsafe PQgetvalue(result, row, column)
                    else { return nil }
                    let length = Int(unsafe PQgetlength(result, row, column))
                    return unsafe [UInt8](UnsafeRawBufferPointer(start: value, count: length))
                })
        }
    }

    private func error(of result: OpaquePointer) -> PostgreSQLError {
        func field(_ code: UnicodeScalar) -> String? {
            unsafe PQresultErrorField(result, Int32(code.value)).map { unsafe String(cString: $0) }
        }
        // PG_DIAG_SQLSTATE and PG_DIAG_MESSAGE_PRIMARY: macros that are characters.
        return PostgreSQLError(
            sqlState: field("C"), server: server,
            message: unsafe field("M") ?? String(cString: PQresultErrorMessage(result)))
    }
}
