// SPDX-License-Identifier: Apache-2.0
// What the operating system says of this process: memory, threads, file descriptors, processor time.

import Foundation
import Martlet

/// A look at /proc/self.
public struct ProcessGauges: Sendable {
    /// Resident bytes.
    public let resident: Int
    /// Of them, what the core's pools hold: as high as the highest load so far.
    public let pooled: Int
    /// Bytes that malloc has given out.
    public let heap: Int
    /// Threads.
    public let threads: Int
    /// Open file descriptors, without the one that this look needs; -1 when it could not be had.
    public let descriptors: Int

    /// Now.
    public static var now: ProcessGauges {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        func field(_ name: String) -> Int {
            for line in status.split(separator: "\n") where line.hasPrefix(name + ":") {
                return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
            }
            return 0
        }
        let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        return ProcessGauges(
            resident: field("VmRSS") * 1_024, pooled: _CoreMemory.residentBytes,
            heap: _CoreMemory.heapBytes, threads: field("Threads"), descriptors: files.map { $0.count - 1 } ?? -1)
    }

    /// Resident mebibytes.
    public var residentMiB: Double { Double(resident) / 1_048_576 }
    /// Mebibytes that malloc has given out.
    public var heapMiB: Double { Double(heap) / 1_048_576 }
    /// Mebibytes in the core's pools.
    public var pooledMiB: Double { Double(pooled) / 1_048_576 }
    /// Resident mebibytes that are not in the pools: what would show a leak.
    public var otherMiB: Double { residentMiB - pooledMiB }

    /// Processor time of this process so far.
    public static var processorTime: Duration {
        var usage = rusage()
        unsafe getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        func duration(_ time: timeval) -> Duration { .seconds(Int(time.tv_sec)) + .microseconds(Int(time.tv_usec)) }
        return duration(usage.ru_utime) + duration(usage.ru_stime)
    }
}
