// SPDX-License-Identifier: Apache-2.0
// Two small pieces for handing a value, or a moment, from one thread to one other.

/// A value that is put once and taken once; who takes it is told by other means that it is there.
final class _Once<Value>: @unchecked Sendable {  // put before it is shared or published, taken by one
    private var value: Value?

    init(_ value: sending Value? = nil) { self.value = value }

    func put(_ value: sending Value) { self.value = value }

    func take() -> Value? {
        defer { value = nil }
        return value
    }
}

/// Opens once; one task may wait for it.
final class _Gate: Sendable {
    private let call: _Call?

    init() {
        guard case .success(let call) = _Call.begin(in: Runtime.currentCore, timeout: .max) else {
            call = nil
            return
        }
        self.call = call
    }

    func open() { call?.completeNoProcess() }

    nonisolated(nonsending) func wait() async {
        guard let call else { return }
        await call.waitShared()
        _ = call.takeOutcome()
    }
}
