// SPDX-License-Identifier: Apache-2.0
// Where a run took place. Reading the files is the caller's; finding the facts in them is done here.

/// The machine of a report.
package struct Machine: Codable, Equatable, Sendable {
    package var cpu: String
    package var cores: Int
    package var memoryBytes: UInt64
    package var kernel: String
    package var swift: String
    /// ISO 8601, UTC.
    package var date: String

    enum CodingKeys: String, CodingKey {
        case cpu, cores, kernel, swift, date
        case memoryBytes = "memory_bytes"
    }

    /// - Parameters:
    ///   - cpuinfo: the text of `/proc/cpuinfo`.
    ///   - meminfo: the text of `/proc/meminfo`.
    package init(cpuinfo: String, meminfo: String, cores: Int, kernel: String, swift: String, date: String) {
        cpu = ProcFile.value(of: "model name", in: cpuinfo) ?? "unknown"
        memoryBytes = ProcFile.bytes(of: "MemTotal", in: meminfo) ?? 0
        self.cores = cores
        self.kernel = kernel
        self.swift = swift
        self.date = date
    }

    /// The compiler that built this program, to the patch where the language can tell.
    package static var compiler: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3.2)
            "6.3.2 or later"
        #elseif compiler(>=6.3.1)
            "6.3.1"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}

/// Text in the form of `/proc`: a line a fact, `name: value`.
package enum ProcFile {
    /// The value of the first line with that name.
    package static func value(of name: String, in text: String) -> String? {
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            if trimmed(line[..<colon]) == name { return trimmed(line[line.index(after: colon)...]) }
        }
        return nil
    }

    /// The value of a line `name:   123 kB`, in bytes.
    package static func bytes(of name: String, in text: String) -> UInt64? {
        guard let words = value(of: name, in: text)?.split(separator: " "), words.count == 2, words[1] == "kB" else {
            return nil
        }
        return UInt64(words[0]).map { $0 * 1024 }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
