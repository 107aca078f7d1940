// SPDX-License-Identifier: Apache-2.0
// What reports say of the processes of one type. Written once, as constants of the core, so that also a signal handler
// can read them.

internal import CMartlet
internal import Glibc

/// The names and sizes of one type of process.
@usableFromInline
struct _ClassTraits: Sendable {
    let name: String
    /// The types of what it handles; nil: it handles none such.
    let call: String?
    let cast: String?
    let message: String?
    /// Bytes of the state, 0 where it is not known.
    let stateSize: Int
    /// Whether the state is a value of the type itself, not of an engine around one.
    let runsItself: Bool
    /// Bytes of the largest message.
    let messageSize: Int

    @usableFromInline
    init(
        name: String, call: String? = nil, cast: String? = nil, message: String? = nil, stateSize: Int = 0,
        runsItself: Bool = false, messageSize: Int = 0
    ) {
        (self.name, self.call, self.cast, self.message) = (name, call, cast, message)
        (self.stateSize, self.runsItself, self.messageSize) = (stateSize, runsItself, messageSize)
    }

    /// Bytes of a type's name that reports show: generic types can have very long ones.
    private static let nameMax = 200

    @unsafe
    func describe(to core: UnsafeMutablePointer<mt_class_t>) {
        unsafe core.pointee.name = Self.constant(name)
        unsafe core.pointee.call = Self.constant(call)
        unsafe core.pointee.cast = Self.constant(cast)
        unsafe core.pointee.message = Self.constant(message)
        unsafe core.pointee.state_size = UInt32(clamping: stateSize)
        unsafe core.pointee.message_size = UInt32(clamping: messageSize)
    }

    /// A C string that lives as long as the class: for ever.
    @unsafe
    private static func constant(_ text: String?) -> UnsafePointer<CChar>? {
        guard let text else { return nil }
        return unsafe UnsafePointer(strdup(text.cut(to: nameMax)))
    }
}

extension String {
    /// At most that many bytes of it, whole characters, and a mark that there was more.
    func cut(to bytes: Int) -> String {
        if utf8.count <= bytes { return self }
        var end = startIndex
        var used = 0
        while end < endIndex {
            let next = index(after: end)
            used += self[end..<next].utf8.count
            if used > bytes { break }
            end = next
        }
        return "\(self[..<end])..."
    }
}
