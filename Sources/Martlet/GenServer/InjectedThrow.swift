// SPDX-License-Identifier: Apache-2.0
// A throw that a test puts in place of a handler: what the engine finds is what an in-place caller leaves it.

/// Makes a server's next slice behave as if the handler of its next message had thrown.
package enum InjectedThrow {
    /// What the engine takes for the throw of `error`.
    package static func of(_ error: any Error) -> AnyObject {
        _InPlaceOutcome(kind: .thrown(error), parked: nil, call: 0)
    }
}
