// SPDX-License-Identifier: Apache-2.0
// What a stage need not write.

extension Stage where Self: ~Copyable {
    /// `.demand`.
    public static var dispatcher: Dispatcher<Output> { .demand }
    /// The newest 10,000.
    public static var buffer: StageBuffer { StageBuffer() }
    /// `.automatic`.
    public mutating func handleSubscribe(_ subscription: Subscription) throws -> Subscription.Demand { .automatic }
    /// Nothing.
    public mutating func handleCancel(_ subscription: Subscription, _ reason: ExitReason) throws {}
    /// Nothing.
    public mutating func terminate(_ reason: ExitReason) throws {}
    /// The engine of Stage.
    public static func _boot(_ boot: consuming ServerBoot<Self>) { boot.serve(StageEngine<Self>.self) }
}

extension Stage where Self: ~Copyable, Input == Never {
    /// Never called.
    public mutating func handleEvents(
        _ events: [Never], from: Subscription, _ out: inout Emitter<Output>
    ) throws -> Next { .wait }
}

extension Stage where Self: ~Copyable, Output == Never {
    /// Never called.
    public mutating func handleDemand(_ count: Int, _ out: inout Emitter<Never>) throws -> Next { .wait }
}

extension Stage where Self: ~Copyable, Call == Never {
    /// Never called.
    public mutating func handleCall(_ call: Never, _ out: inout Emitter<Output>) throws -> Next {}
}

extension Stage where Self: ~Copyable, Cast == Never {
    /// Never called.
    public mutating func handleCast(_ cast: Never, _ out: inout Emitter<Output>) throws -> Next {}
}

extension Stage where Self: ~Copyable, Message == Never {
    /// Logs the kind of an unexpected signal and waits (R17).
    public mutating func handleInfo(_ info: Info<Never>, _ out: inout Emitter<Output>) throws -> Next {
        _UnexpectedInfo.log(info, in: _shortTypeName(Self.self))
        return .wait
    }
}
