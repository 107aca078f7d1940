// SPDX-License-Identifier: Apache-2.0
// Which workloads and variants a command line asks for.

/// The part of the catalogue that `--only` names.
package struct Selection: Sendable {
    package let workloads: [Workload]
    package let variants: [any Variant]

    /// - Parameters:
    ///   - names: workloads (`call`), workloads with parameters (`call/clients=8`) or variants (`baseline.actor`). Those
    ///     that name workloads choose workloads, those that name variants choose variants; none is all.
    /// - Throws: `SelectionError` when a name is none of these.
    package init(only names: [String], workloads: [Workload], variants: [any Variant]) throws(SelectionError) {
        var chosenWorkloads: Set<Workload> = []
        var chosenVariants: Set<String> = []
        for name in names {
            let matching = workloads.filter { $0.name == name || $0.id == name }
            if !matching.isEmpty {
                chosenWorkloads.formUnion(matching)
            } else if variants.contains(where: { $0.name == name }) {
                chosenVariants.insert(name)
            } else {
                throw SelectionError(unknown: name, workloads: workloads, variants: variants)
            }
        }
        self.workloads = chosenWorkloads.isEmpty ? workloads : workloads.filter(chosenWorkloads.contains)
        self.variants = chosenVariants.isEmpty ? variants : variants.filter { chosenVariants.contains($0.name) }
    }
}

/// A name that is not in the catalogue; the description lists those that are.
package struct SelectionError: Error, CustomStringConvertible {
    package let description: String

    init(unknown name: String, workloads: [Workload], variants: [any Variant]) {
        var names: [String] = []
        for workload in workloads where !names.contains(workload.name) { names.append(workload.name) }
        description = """
            unknown name '\(name)'.
            Workloads: \(names.joined(separator: ", ")).
            Variants: \(variants.map(\.name).joined(separator: ", ")).
            A workload with its parameters is also a name, such as \(workloads.first?.id ?? "none").
            """
    }
}
