// SPDX-License-Identifier: Apache-2.0
// Starts that tie the new server to the process that starts it, in one step: there is no moment in which it lives and
// is not tied.

extension Server where Self: ~Copyable {
    /// `start`, linked with the current process in one step (`gen_server:start_link/4`).
    ///
    /// When `init` throws anything but `Ignore` or `Refusal`, the exit signal reaches the starter as well: one that does not
    /// trap exits ends with that reason; one that traps hears of it by the error alone (R2).
    ///
    /// Traps outside a process.
    ///
    /// - Parameters:
    ///   - argument: what `init` takes.
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the reference.
    /// - Throws: ``StartError`` as `start` does.
    @inlinable
    public nonisolated(nonsending) static func startLink(
        _ argument: Argument, name: ServerName<Self>? = nil, options: StartOptions = StartOptions(),
        file: StaticString = #fileID, line: UInt = #line
    ) async throws(StartError) -> ServerRef<Self> {
        let tie = _StartTie(.link, "startLink", file, line)
        return try await _start(argument, name, options, tie).0
    }

    /// `start`, monitored by the current process in one step (`gen_server:start_monitor/4`).
    ///
    /// One `Info.down` comes when the server ends; none when the start fails.
    ///
    /// Traps outside a process.
    ///
    /// - Parameters:
    ///   - argument: what `init` takes.
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the reference, and the monitor.
    /// - Throws: ``StartError`` as `start` does.
    @inlinable
    public nonisolated(nonsending) static func startMonitor(
        _ argument: Argument, name: ServerName<Self>? = nil, options: StartOptions = StartOptions(),
        file: StaticString = #fileID, line: UInt = #line
    ) async throws(StartError) -> (ServerRef<Self>, MonitorRef) {
        let tie = _StartTie(.monitor, "startMonitor", file, line)
        return try await _start(argument, name, options, tie)
    }

    /// `startLink` from synchronous code.
    ///
    /// Blocks the thread; inside a handler another worker takes over its queue.
    ///
    /// - Parameters:
    ///   - argument: what `init` takes.
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the reference.
    /// - Throws: ``StartError`` as `start` does.
    @available(*, noasync)
    public static func startLink(
        _ argument: Argument, name: ServerName<Self>? = nil, options: StartOptions = StartOptions(),
        file: StaticString = #fileID, line: UInt = #line
    ) throws(StartError) -> ServerRef<Self> {
        let tie = _StartTie(.link, "startLink", file, line)
        return try _startBlocking(argument, name, options, tie).0
    }

    /// `startMonitor` from synchronous code.
    ///
    /// Blocks the thread; inside a handler another worker takes over its queue.
    ///
    /// - Parameters:
    ///   - argument: what `init` takes.
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the reference, and the monitor.
    /// - Throws: ``StartError`` as `start` does.
    @available(*, noasync)
    public static func startMonitor(
        _ argument: Argument, name: ServerName<Self>? = nil, options: StartOptions = StartOptions(),
        file: StaticString = #fileID, line: UInt = #line
    ) throws(StartError) -> (ServerRef<Self>, MonitorRef) {
        let tie = _StartTie(.monitor, "startMonitor", file, line)
        return try _startBlocking(argument, name, options, tie)
    }
}

extension Server where Self: ~Copyable, Argument == Void {
    /// `start`, linked with the current process in one step (`gen_server:start_link/4`).
    ///
    /// When `init` throws anything but `Ignore` or `Refusal`, the exit signal reaches the starter as well: one that does not
    /// trap exits ends with that reason; one that traps hears of it by the error alone (R2).
    ///
    /// Traps outside a process.
    ///
    /// - Parameters:
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the reference.
    /// - Throws: ``StartError`` as `start` does.
    @inlinable
    public nonisolated(nonsending) static func startLink(
        name: ServerName<Self>? = nil, options: StartOptions = StartOptions(),
        file: StaticString = #fileID, line: UInt = #line
    ) async throws(StartError) -> ServerRef<Self> {
        let tie = _StartTie(.link, "startLink", file, line)
        return try await _start((), name, options, tie).0
    }

    /// `start`, monitored by the current process in one step (`gen_server:start_monitor/4`).
    ///
    /// One `Info.down` comes when the server ends; none when the start fails.
    ///
    /// Traps outside a process.
    ///
    /// - Parameters:
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the reference, and the monitor.
    /// - Throws: ``StartError`` as `start` does.
    @inlinable
    public nonisolated(nonsending) static func startMonitor(
        name: ServerName<Self>? = nil, options: StartOptions = StartOptions(),
        file: StaticString = #fileID, line: UInt = #line
    ) async throws(StartError) -> (ServerRef<Self>, MonitorRef) {
        let tie = _StartTie(.monitor, "startMonitor", file, line)
        return try await _start((), name, options, tie)
    }

    /// `startLink` from synchronous code.
    ///
    /// Blocks the thread; inside a handler another worker takes over its queue.
    ///
    /// - Parameters:
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the reference.
    /// - Throws: ``StartError`` as `start` does.
    @available(*, noasync)
    public static func startLink(
        name: ServerName<Self>? = nil, options: StartOptions = StartOptions(),
        file: StaticString = #fileID, line: UInt = #line
    ) throws(StartError) -> ServerRef<Self> {
        let tie = _StartTie(.link, "startLink", file, line)
        return try _startBlocking((), name, options, tie).0
    }

    /// `startMonitor` from synchronous code.
    ///
    /// Blocks the thread; inside a handler another worker takes over its queue.
    ///
    /// - Parameters:
    ///   - name: the name to register; by default none.
    ///   - options: mailbox, init timeout, runtime; by default what the type declares.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    /// - Returns: the reference, and the monitor.
    /// - Throws: ``StartError`` as `start` does.
    @available(*, noasync)
    public static func startMonitor(
        name: ServerName<Self>? = nil, options: StartOptions = StartOptions(),
        file: StaticString = #fileID, line: UInt = #line
    ) throws(StartError) -> (ServerRef<Self>, MonitorRef) {
        let tie = _StartTie(.monitor, "startMonitor", file, line)
        return try _startBlocking((), name, options, tie)
    }
}
