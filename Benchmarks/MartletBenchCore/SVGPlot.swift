// SPDX-License-Identifier: Apache-2.0
// The result of a run as a picture: a panel for each workload, a bar for each variant. Shorter is better.
//
// A panel's scale is linear, from zero, unless its greatest figure is more than 20 times its least: then logarithmic,
// from a power of ten below half the least (no bar vanishes), and the panel says so. Bars of different panels do not
// compare.

import Foundation

/// Draws results as SVG.
package struct SVGPlot: Sendable {
    private static let linearRatioMax = 20.0
    private static let width = 1180.0
    private static let columns = 2
    private static let barHeight = 18.0
    private static let titleHeight = 34.0
    private static let gap = 22.0
    private static let labelWidth = 165.0
    private static let figureWidth = 78.0
    private static let headHeight = 76.0

    /// Martlet's bars share a hue and stand out against the baselines' greys and blues; others take what is left.
    private static let colours = [
        "martlet.pool": "#d9480f", "martlet.caller": "#f08c00", "martlet.raw": "#ffc078",
        "baseline.manual-thread": "#495057", "baseline.async-stream": "#868e96", "baseline.actor": "#1971c2",
        "baseline.dispatch": "#74c0fc",
    ]
    private static let otherColour = "#2f9e44"

    package static func svg(_ report: BenchmarkReport, catalogue: [Workload]) -> String {
        var panels: [(workload: Workload, results: [BenchmarkResult])] = []
        for workload in catalogue {
            let mine = report.results.filter { $0.workload == workload.name && $0.parameters == workload.parameters }
            if !mine.isEmpty { panels.append((workload, mine)) }
        }
        var body = ""
        var top = headHeight
        for start in stride(from: 0, to: panels.count, by: columns) {
            let row = panels[start..<min(start + columns, panels.count)]
            for (column, panel) in row.enumerated() {
                body += draw(panel.workload, panel.results, left: 20 + Double(column) * panelWidth, top: top)
            }
            top += (row.map { panelHeight(bars: $0.results.count) }.max() ?? 0) + gap
        }
        return head(report.machine, height: top) + body + "</svg>\n"
    }

    private static var panelWidth: Double { (width - 20) / Double(columns) }

    private static func panelHeight(bars: Int) -> Double { titleHeight + Double(bars) * (barHeight + 4) }

    private static func head(_ machine: Machine, height: Double) -> String {
        let place = """
            \(machine.cpu), \(machine.cores) cores, \(Format.bytes(Double(machine.memoryBytes))), Linux \(machine.kernel), \
            Swift \(machine.swift), \(machine.date)
            """
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(plain(width))" height="\(plain(height))" \
            viewBox="0 0 \(plain(width)) \(plain(height))" font-family="Helvetica, Arial, sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(text("martlet-bench: time an operation, shorter is better", 20, 32, size: 20, weight: "bold"))
            \(text(place, 20, 54, colour: "#666666"))

            """
    }

    private static func draw(_ workload: Workload, _ results: [BenchmarkResult], left: Double, top: Double) -> String {
        let scale = Scale(results.map(\.nsPerOp), linearRatioMax: linearRatioMax)
        let space = panelWidth - labelWidth - figureWidth - 20
        let title = "\(workload.id)"
        let unit = workload.unit + (scale.isLogarithmic ? ", log scale from \(Format.nanoseconds(scale.origin))" : "")
        var out = text(title, left, top + 12, size: 14, weight: "bold") + "\n"
        out += text(unit, left, top + 27, size: 11, colour: "#666666") + "\n"
        for (index, result) in results.enumerated() {
            let y = top + titleHeight + Double(index) * (barHeight + 4)
            let length = max(scale.share(of: result.nsPerOp) * space, 1)
            let colour = colours[result.variant] ?? otherColour
            out += text(result.variant, left + labelWidth - 8, y + 13, anchor: "end") + "\n"
            out += """
                <rect x="\(plain(left + labelWidth))" y="\(plain(y))" width="\(plain(length))" \
                height="\(plain(barHeight))" fill="\(colour)"/>

                """
            out += text(Format.nanoseconds(result.nsPerOp), left + labelWidth + length + 6, y + 13) + "\n"
        }
        return out
    }

    private static func text(
        _ string: String, _ x: Double, _ y: Double, size: Double = 12, weight: String = "normal",
        colour: String = "#222222", anchor: String = "start"
    ) -> String {
        """
        <text x="\(plain(x))" y="\(plain(y))" font-size="\(plain(size))" font-weight="\(weight)" fill="\(colour)" \
        text-anchor="\(anchor)">\(escaped(string))</text>
        """
    }

    private static func plain(_ value: Double) -> String { String((value * 10).rounded() / 10) }

    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            default: out.append(character)
            }
        }
        return out
    }
}

/// Where a figure stands between the origin and the greatest of its panel.
struct Scale {
    let isLogarithmic: Bool
    /// The figure at the left end.
    let origin: Double
    private let greatest: Double

    init(_ figures: [Double], linearRatioMax: Double) {
        let positive = figures.filter { $0 > 0 }
        greatest = positive.max() ?? 1
        let least = positive.min() ?? greatest
        isLogarithmic = greatest / least > linearRatioMax
        var decade = 1e-3
        while decade * 20 <= least { decade *= 10 }
        origin = isLogarithmic ? decade : 0
    }

    /// From 0 at the origin to 1 at the greatest.
    func share(of figure: Double) -> Double {
        if !isLogarithmic { return max(figure, 0) / greatest }
        if figure <= origin { return 0 }
        return log(figure / origin) / log(greatest / origin)
    }
}
