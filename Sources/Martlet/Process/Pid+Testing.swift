// SPDX-License-Identifier: Apache-2.0
// What MartletTestKit needs of processes.

extension Pid {
    /// The core's number of a process.
    package init(core raw: UInt64) { self.init(raw: raw) }

    /// Asks a process to stop in order, as the shutdown of its runtime does; nobody waits.
    package func askToStop() { _ = _Post.stop(raw, reason: ExitReason.shutdown.boxed, reply: 0) }

    /// Makes exit signals messages of this process.
    package func setTrapsExits() { _Tie.setTrap(raw, true) }

    /// Monitors another process, as if this one had asked.
    package func monitors(_ peer: Pid) { _ = _Tie.monitor(raw, peer.raw) }

    /// Links this process with another, as if this one had asked.
    package func links(with peer: Pid) { _ = _Tie.link(raw, with: peer.raw) }

    /// How many processes it is linked with.
    package var linkCount: Int { _Tie.links(of: raw).count }

    /// The processes it watches, newest first.
    package var watched: [Pid] { _Tie.watched(by: raw).map { Pid(raw: $0) } }
}
