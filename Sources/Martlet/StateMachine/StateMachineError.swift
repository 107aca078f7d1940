// SPDX-License-Identifier: Apache-2.0
// What a state machine can do wrong that no type forbids. Not what its handlers throw.

/// Why a state machine was ended by its engine: the error of its exit reason.
///
/// New cases may be added: a `switch` needs a default.
@nonexhaustive
public enum StateMachineError: Error, Equatable {
    /// `enter` postponed or inserted: there is no event, and the state that it enters is to be entered first.
    case badEnterAction
    /// More events were postponed than ``StateMachine/postponedMax``, which is the value.
    case tooManyPostponed(Int)
    /// There was no memory for a timeout: without it the machine might wait for ever.
    case noTimer
}
