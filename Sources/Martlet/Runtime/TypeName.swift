// SPDX-License-Identifier: Apache-2.0
// Names of types, as reports show them.

enum _TypeName {
    /// The name of a type without its module, from what `String(reflecting:)` says.
    static func short(_ reflected: String) -> String {
        var name = reflected
        // Of a private type: `Module.(unknown context at $55d0).Name`.
        while let start = name.firstRange(of: "(unknown context at "),
            let end = name[start.upperBound...].firstRange(of: ").")
        {
            name.removeSubrange(start.lowerBound..<end.upperBound)
        }
        // Not the dot of a generic argument, nor of a tuple's.
        guard let dot = name.firstIndex(where: { $0 == "." || $0 == "<" || $0 == "(" }), name[dot] == "." else {
            return name
        }
        return String(name[name.index(after: dot)...])
    }

    static func short(of type: Any.Type) -> String { short(String(reflecting: type)) }
}
