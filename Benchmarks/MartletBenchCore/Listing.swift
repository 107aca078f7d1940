// SPDX-License-Identifier: Apache-2.0
// What `--list` prints.

/// The catalogue as text.
package enum Listing {
    package static func text(_ selection: Selection) -> String {
        var lines = ["Workloads (unit)"]
        for workload in selection.workloads { lines.append("  \(workload.id) (\(workload.unit))") }
        lines.append("Variants")
        for variant in selection.variants { lines.append("  \(variant.name)") }
        lines.append("Not done")
        for workload in selection.workloads {
            for variant in selection.variants {
                guard case .skipped(let reason) = variant.trial(of: workload) else { continue }
                lines.append("  \(workload.id) by \(variant.name): \(reason)")
            }
        }
        return lines.joined(separator: "\n")
    }
}
