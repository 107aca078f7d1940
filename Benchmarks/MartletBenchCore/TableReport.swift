// SPDX-License-Identifier: Apache-2.0
// The result of a run as aligned text: a block for each workload, a line for each variant.

/// Writes results for people.
package struct TableReport: Sendable {
    /// The variant whose figure is 1 in the ratio column.
    package static let reference = "baseline.actor"

    private static let header = ["variant", "figure", "+-", "rate", "p50", "p99", "p99.9", "peak RSS", "vs actor", ""]

    /// The whole table; empty for no results.
    package static func text(_ results: [BenchmarkResult], catalogue: [Workload]) -> String {
        var blocks: [String] = []
        for workload in catalogue {
            let mine = results.filter { $0.workload == workload.name && $0.parameters == workload.parameters }
            if !mine.isEmpty { blocks.append(block(workload, mine)) }
        }
        return blocks.joined(separator: "\n")
    }

    private static func block(_ workload: Workload, _ results: [BenchmarkResult]) -> String {
        let reference = results.first { $0.variant == TableReport.reference }?.nsPerOp
        var rows = [header]
        for result in results { rows.append(row(workload, result, reference: reference)) }
        return "\(workload.id) (\(workload.unit))\n" + aligned(rows)
    }

    private static func row(_ workload: Workload, _ result: BenchmarkResult, reference: Double?) -> [String] {
        [
            result.variant,
            Format.nanoseconds(result.nsPerOp),
            Statistics.spread(result.roundsNsPerOp).map { "\(Int(($0 * 100).rounded()))%" } ?? "-",
            workload.hasRate ? Format.rate(1e9 / max(result.nsPerOp, 1e-3)) : "-",
            result.p50Ns.map { Format.nanoseconds(Double($0)) } ?? "-",
            result.p99Ns.map { Format.nanoseconds(Double($0)) } ?? "-",
            result.p999Ns.map { Format.nanoseconds(Double($0)) } ?? "-",
            Format.bytes(Double(result.peakRSSBytes)),
            reference.map { Format.ratio(result.nsPerOp / max($0, 1e-3)) } ?? "-",
            extras(result.extra),
        ]
    }

    private static func extras(_ extra: [String: Double]) -> String {
        extra.sorted { $0.key < $1.key }.map { "\($0.key)=\(Format.plain($0.value))" }.joined(separator: " ")
    }

    /// The first and the last column to the left, the others to the right.
    private static func aligned(_ rows: [[String]]) -> String {
        let columns = rows[0].count
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for row in rows {
            var line = " "
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += column == 0 || column == columns - 1 ? " " + cell + padding : "  " + padding + cell
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }
}

extension Workload {
    /// Whether operations by second means anything: lateness is not a rate.
    var hasRate: Bool {
        if case .timerFire = self { return false }
        return true
    }
}

/// Figures with three significant digits and a unit.
package enum Format {
    package static func nanoseconds(_ value: Double) -> String {
        scaled(value, 1000, [" ns", " us", " ms", " s"])
    }

    package static func rate(_ perSecond: Double) -> String {
        scaled(perSecond, 1000, ["/s", "k/s", "M/s", "G/s"])
    }

    package static func bytes(_ value: Double) -> String {
        scaled(value, 1024, [" B", " KiB", " MiB", " GiB"])
    }

    package static func ratio(_ value: Double) -> String {
        digits(value) + "x"
    }

    /// Whole numbers in full, others with three significant digits.
    package static func plain(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int(value)) : digits(value)
    }

    private static func scaled(_ value: Double, _ step: Double, _ units: [String]) -> String {
        var value = value
        var unit = 0
        while value >= step * 0.9995, unit < units.count - 1 {
            value /= step
            unit += 1
        }
        return digits(value) + units[unit]
    }

    private static func digits(_ value: Double) -> String {
        if value == 0 { return "0" }
        let places = value.magnitude < 0.9995 ? 3 : value.magnitude < 9.995 ? 2 : value.magnitude < 99.95 ? 1 : 0
        let power = [1.0, 10, 100, 1000][places]
        let scaled = Int((value * power).rounded())
        let whole = scaled / Int(power)
        if places == 0 { return String(whole) }
        let fraction = String(abs(scaled % Int(power)))
        return "\(whole)." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}
