// SPDX-License-Identifier: Apache-2.0
// Named groups of processes that take the same message (OTP `pg`).

/// Groups by name; a process leaves by ending, and may be in a group more than once.
///
/// A constant that you start, usually supervised, before its users; each runtime that starts it has groups of its own. A
/// member that has ended is never seen. Members and groups need not be declared; a group without members is no group.
/// When its process is killed, members stay and everything goes on; the next one, which a supervisor starts, cleans up
/// what was missed.
///
/// ```swift
/// let listeners = ProcessGroups<String, News>("listeners")
///
/// listeners.join("sport", server.process)
/// listeners.broadcast("sport", .result(2, 1))
/// ```
///
/// When not to use: where processes join on their own and carry values, a duplicate ``Registry``; to spread work over
/// members one at a time, a supervisor with partitions.
///
/// OTP: `pg`, on one node.
public final class ProcessGroups<Group: Hashable & Sendable, Message: Sendable>: Sendable {
    @usableFromInline let places: RegistryPlaces<Group, Void>

    /// No groups yet; does nothing until started.
    ///
    /// - Parameter name: what tools call it, and the id of its child spec.
    public init(_ name: String) { places = RegistryPlaces(name, isUnique: false, partitions: nil, #fileID, #line) }

    /// The groups as a supervised child; put it before its users.
    public var child: ChildSpec { places.child }

    /// Starts the groups unsupervised, in the current runtime (`pg:start/1`).
    ///
    /// - Throws: ``StartError``: `alreadyStarted` if they run in this runtime.
    public nonisolated(nonsending) func start() async throws(StartError) { try await places.start() }

    /// Adds a member, once more if it is one (`pg:join/3`).
    ///
    /// Anyone may, not the member alone; one that has ended is taken out again at once.
    ///
    /// - Parameters:
    ///   - group: the group.
    ///   - member: where its messages go.
    /// - Returns: false, and nothing changes, when the groups are not started.
    /// - Complexity: O(1).
    @discardableResult
    public func join(_ group: Group, _ member: ProcessRef<Message>) -> Bool {
        do throws(RegistryError) {
            try places.table().register(group, (), of: member.pid)
            return true
        } catch { return false }
    }

    /// Takes one membership away (`pg:leave/3`).
    ///
    /// - Parameters:
    ///   - group: the group.
    ///   - member: who leaves.
    /// - Returns: false if there was none.
    /// - Complexity: O(memberships of the process).
    @discardableResult
    public func leave(_ group: Group, _ member: ProcessRef<Message>) -> Bool {
        guard let table = places.tables.current else { return false }
        return table.unregister(group, of: member.pid, atMost: 1) == 1
    }

    /// The members now, the oldest membership first; one that joined twice is there twice (`pg:get_members/2`).
    ///
    /// - Parameter group: the group.
    /// - Returns: living processes.
    /// - Complexity: O(members); takes no lock.
    @inlinable
    public func members(_ group: Group) -> [ProcessRef<Message>] {
        var members: [ProcessRef<Message>] = []
        _ = places.read { table in
            table.entries.forEach(group) { pid, _ in members.append(ProcessRef(pid: Pid(raw: pid))) }
        }
        return members
    }

    /// Sends to every member, as often as it has joined.
    ///
    /// - Parameters:
    ///   - group: the group.
    ///   - message: what to send.
    /// - Returns: how many sends there were; not counted are members whose mailbox is full, or who ended meanwhile.
    /// - Complexity: O(members), a send each.
    @discardableResult
    @inlinable
    public func broadcast(_ group: Group, _ message: Message) -> Int {
        members(group).count { $0.send(message).isInMailbox }
    }
}
