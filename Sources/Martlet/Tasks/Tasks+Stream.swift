// SPDX-License-Identifier: Apache-2.0
// A process for each item of a sequence.

extension Tasks {
    /// Maps `items` with at most `concurrency` processes at once, never more than that many results ahead of the reader
    /// (`Task.async_stream`).
    ///
    /// An item over `timeout`, or that throws, is a failure of that item; a process over its time is killed when the loop
    /// comes to it. In a handler an item has at most the time that the request has left which it is busy with.
    ///
    /// Traps when `concurrency` is below 1.
    ///
    /// ```swift
    /// for await page in Tasks.stream(urls, concurrency: 8, fetch) {
    ///     if case .success(let page) = page { index(page) }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - items: taken one by one as processes become free; it may be endless.
    ///   - concurrency: processes at once; by default as many as the runtime has workers.
    ///   - ordered: results in the order of the items, by default; else as they come.
    ///   - timeout: for each item, from its start; 5 s by default, nil for ever.
    ///   - file: where a trap is reported; the caller's by default.
    ///   - line: where a trap is reported; the caller's by default.
    ///   - work: makes the value of an item; runs in a process of its own.
    /// - Returns: the results; nothing runs before they are read.
    public static func stream<Items: Sequence & Sendable, Value: Sendable>(
        _ items: Items, concurrency: Int? = nil, ordered: Bool = true, timeout: Duration? = .seconds(5),
        file: StaticString = #fileID, line: UInt = #line,
        _ work: @escaping @Sendable (Items.Element) async throws -> Value
    ) -> TaskStream<Value> where Items.Element: Sendable {
        TaskStream(items, .init(concurrency, isOrdered: ordered, file, line)) { item in
            Work.start(.init(), timeout: timeout?._unsignedNanoseconds ?? .max) { try await work(item) }
                .mapError { _ in .exited(.noProcess) }
        }
    }
}
