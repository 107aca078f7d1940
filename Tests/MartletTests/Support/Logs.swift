// SPDX-License-Identifier: Apache-2.0
// What the library logs, kept for tests in place of standard error.

import Logging

@testable import Martlet

/// The log of the test process.
enum Logs {
    struct Line: Sendable {
        let level: Logger.Level
        let text: String
        let metadata: [String: String]
    }

    private static let kept = Record(Line.self)
    private static let installed: Void = LoggingSystem.bootstrap { _ in Handler() }

    /// Keeps the lines of all loggers that are made from now on; before the runtime of the test is.
    static func install() { installed }

    /// The lines about a process.
    static func about(_ pid: Pid) -> [Line] { kept.all.filter { $0.metadata["process"] == "\(pid)" } }
    /// All lines with a text.
    static func lines(_ text: String) -> [Line] { kept.all.filter { $0.text == text } }

    private struct Handler: LogHandler {
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            kept.add(
                Line(
                    level: event.level, text: "\(event.message)",
                    metadata: (event.metadata ?? [:]).mapValues { "\($0)" }))
        }
    }
}
