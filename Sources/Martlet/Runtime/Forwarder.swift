// SPDX-License-Identifier: Apache-2.0
// What an alias of a mailbox is: a process that sends on what it is sent, so that it can be ended while the mailbox lives
// on.

internal import CMartlet

/// A forwarder: what it is sent goes on to another process until it is killed.
enum _Forwarder {
    static let processClass = unsafe _ProcessClass(_ClassTraits(name: "alias"), typeID: nil) { slice in run(slice) }

    private static func run(_ slice: _Slice) -> _Run {
        if slice.kind == .initialise {
            let owner = slice.takeInit(UInt64.self).argument
            unsafe slice.pointer.pointee.slot.pointee.state = UnsafeMutableRawPointer(bitPattern: UInt(owner))
        }
        if slice.kind == .die { return end(slice) }
        let owner = unsafe UInt64(UInt(bitPattern: slice.pointer.pointee.slot.pointee.state))
        while true {
            switch slice.next() {
            case .leave: return .left
            case .die: return end(slice)
            case .message, .unexpected:
                if unsafe mt_slice_forward(slice.pointer, owner) == .noProcess { return end(slice) }
            case .stop:
                _ = slice.take(_Reason.self)
                slice.defer_(slice.reply)
                return end(slice)
            case .system: slice.refuseRequests()
            default: continue
            }
        }
    }

    private static func end(_ slice: _Slice) -> _Run {
        slice.beginExit(slice.takeDeathReason())
        slice.finishExit()
        return .exited
    }

    /// A process that forwards to `owner`; 0: out of memory or slots.
    static func start(to owner: UInt64, in core: _Core) -> UInt64 {
        switch _Spawning.spawn(processClass, owner, _SpawnRequest(), in: core, reply: 0) {
        case .success(let pid): pid
        case .failure: 0
        }
    }
}
