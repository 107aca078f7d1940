// SPDX-License-Identifier: Apache-2.0
// The runtime's clock, for what measures spans of it.

internal import CMartlet

extension Runtime {
    /// Time on the runtime's clock since a moment of its own: monotonic, virtual where a test moves it.
    var uptime: Duration {
        guard let env = unsafe mt_runtime_env(core.pointer) else { return .zero }
        return .nanoseconds(Int64(clamping: unsafe env.pointee.now_ns(env.pointee.context)))
    }
}
