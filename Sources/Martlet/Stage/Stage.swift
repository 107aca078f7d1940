// SPDX-License-Identifier: Apache-2.0
// A step of a pipeline in which consumers ask and producers answer (GenStage). For one stream in one task use an
// AsyncSequence.

/// A producer (`Input` is `Never`), a consumer (`Output` is `Never`), or both.
///
/// Events flow only on demand; what a producer emits beyond it is buffered. The conforming value is the state, as in
/// GenServer; every callback but the quiet ones may emit. A stage that is both takes events only while its own consumers
/// want some: demand goes up the pipeline, events come down. A throw ends the process as in GenServer; events it had not
/// handled are lost, and counted by their producer (``StageStatistics/lost``). The mailbox is
/// unbounded, as demand bounds it: a start with a bound throws ``StageError/boundedMailbox``.
///
/// An orderly `.stop` that `handleDemand` or `handleEvents` returns waits until consumers, if there are any, have taken
/// what is kept; from other callbacks, and with an abnormal reason, it takes effect at once, and what is kept is lost. Of several callbacks
/// for one message the last `.wait` or `.hibernate` counts. `.continue` means nothing here.
///
/// OTP: `GenStage`.
///
/// ```swift
/// struct Numbers: Stage {
///     typealias Output = Int
///     var next = 0
///     init(_: Void) {}
///     mutating func handleDemand(_ count: Int, _ out: inout Emitter<Int>) -> Next {
///         out.emit(contentsOf: next..<next + count)
///         next += count
///         return .wait
///     }
/// }
/// ```
///
/// When not to use: for a sequence of steps on one value, which is a function; to use several processors on a list, which
/// is `Tasks.stream`; for events that nobody may slow down, which are casts.
public protocol Stage: Server, ~Copyable {
    /// Events it takes. Default `Never`: a producer.
    associatedtype Input: Sendable = Never
    /// Events it emits. Default `Never`: a consumer.
    associatedtype Output: Sendable = Never
    associatedtype Argument = Void
    associatedtype Call = Never
    associatedtype Cast = Never
    associatedtype Message = Never

    /// How events are shared among consumers; read once. Default `.demand`.
    static var dispatcher: Dispatcher<Output> { get }
    /// Events kept while nobody asks; read once. Default: the newest 10,000.
    static var buffer: StageBuffer { get }

    /// Makes the state, in the new process; subscribe to producers here, so that a restart does it again.
    ///
    /// - Parameter argument: what the start was given; a restart gives it again.
    /// - Throws: what fails the start.
    init(_ argument: Argument) throws
    /// Consumers want `count` more: emit up to that many now, the rest later, from any callback.
    ///
    /// Not asked again for what it still owes. Called in producers alone; required unless `Output` is `Never`.
    ///
    /// - Parameters:
    ///   - count: how many more, at least 1.
    ///   - out: takes what is to be emitted.
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleDemand(_ count: Int, _ out: inout Emitter<Output>) throws -> Next
    /// Takes events, at least one, in order.
    ///
    /// At most the difference of the subscription's bounds; with manual demand, and nothing downstream that wants less, all
    /// that came together. Required unless `Input` is `Never`.
    ///
    /// - Parameters:
    ///   - events: in the order of emission.
    ///   - from: the subscription they came by.
    ///   - out: takes what is to be emitted.
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleEvents(_ events: [Input], from: Subscription, _ out: inout Emitter<Output>) throws -> Next
    /// A subscription was made, on either side; in the consumer `.manual` leaves asking to `Subscription.ask`.
    ///
    /// Default `.automatic`.
    ///
    /// - Parameter subscription: names it on both sides.
    /// - Returns: who asks; looked at in the consumer alone.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleSubscribe(_ subscription: Subscription) throws -> Subscription.Demand
    /// A subscription ended, on either side; in the consumer after the last of its events.
    ///
    /// A `permanent` one ends the consumer next. Default: nothing.
    ///
    /// - Parameters:
    ///   - subscription: the one that ended.
    ///   - reason: why, as whoever ended it said, or why the other side ended.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleCancel(_ subscription: Subscription, _ reason: ExitReason) throws
    /// As in GenServer. Required unless `Call` is `Never`.
    ///
    /// - Parameters:
    ///   - call: the request.
    ///   - out: takes what is to be emitted.
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleCall(_ call: Call, _ out: inout Emitter<Output>) throws -> Next
    /// As in GenServer. Required unless `Cast` is `Never`.
    ///
    /// - Parameters:
    ///   - cast: the request.
    ///   - out: takes what is to be emitted.
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleCast(_ cast: Cast, _ out: inout Emitter<Output>) throws -> Next
    /// As in GenServer. Required unless `Message` is `Never`.
    ///
    /// - Parameters:
    ///   - info: what came.
    ///   - out: takes what is to be emitted.
    /// - Returns: what to do next.
    /// - Throws: what ends the process: `.error`, or the reason of an ``ExitSignal``; `terminate` runs.
    mutating func handleInfo(_ info: Info<Message>, _ out: inout Emitter<Output>) throws -> Next
    /// As in GenServer.
    ///
    /// - Parameter reason: why the process ends.
    /// - Throws: what becomes the reason of the exit.
    mutating func terminate(_ reason: ExitReason) throws
}
