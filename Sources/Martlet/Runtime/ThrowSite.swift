// SPDX-License-Identifier: Apache-2.0
// Where an error was thrown, as the core recorded it, and names for the addresses.

internal import CMartlet
internal import Glibc

@usableFromInline
enum _ThrowSite {
    /// The callers of the throw, innermost first; empty when it was not recorded.
    ///
    /// Once, on the thread that caught `error`, before it throws again.
    @usableFromInline
    static func take(_ error: any Error) -> [UInt] {
        // On Linux an error is one pointer to its box, which is what the hook was called with. The cast keeps it closed.
        let box = unsafe unsafeBitCast(error as any Error, to: UnsafeRawPointer.self)
        return unsafe withUnsafeTemporaryAllocation(of: UInt.self, capacity: Int(MT_THROW_FRAMES_MAX)) { frames in
            let count = unsafe mt_throw_site_take(box, frames.baseAddress)
            return unsafe Array(frames.prefix(Int(count)))
        }
    }

    /// One line a caller: `symbol + offset (image + offset)`; from the one that threw to the handler.
    ///
    /// Slow: looks symbols up.
    static func describe(_ addresses: [UInt]) -> [String] {
        let frames = addresses.map { frame(at: $0) }
        // The hook itself, and others that were there before it.
        let thrower = frames.lastIndex { $0.symbol.hasPrefix("swift_willThrow") }.map { $0 + 1 } ?? min(1, frames.count)
        let engine = frames[thrower...].firstIndex { $0.symbol.contains(engineMark) } ?? frames.endIndex
        return frames[thrower..<engine].map { $0.text.cut(to: lineMax) }
    }

    /// What every name of the engine's functions contains: the handler's caller, of no interest to who wrote the handler.
    private static let engineMark = "_GenServerEngine"
    /// Bytes of one line.
    private static let lineMax = 300

    /// Crashes come from few places, and a look into the symbol table takes milliseconds.
    private static let known = _Locked<[UInt: Frame]>([:])
    private static let knownMax = 1_024

    private static func frame(at address: UInt) -> Frame {
        if let frame = known.withLock({ $0[address] }) { return frame }
        let frame = Frame(address)
        known.withLock { if $0.count < knownMax { $0[address] = frame } }
        return frame
    }

    private struct Frame: Sendable {
        /// Empty: not known.
        var symbol = ""
        var text: String

        init(_ address: UInt) {
            text = "0x\(String(address, radix: 16))"
            var place = unsafe mt_code_place_t()
            guard unsafe mt_code_place_of(address, &place), let path = unsafe place.image else { return }
            let image = unsafe String(cString: path)
            let name = image.split(separator: "/").last.map(String.init) ?? image
            text = unsafe "\(name) + 0x\(String(place.image_offset, radix: 16))"
            symbol = unsafe withUnsafeBytes(of: &place.symbol) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if symbol.isEmpty { return }
            if let demangled = unsafe mt_demangle(symbol) {
                symbol = unsafe String(cString: demangled)
                unsafe free(demangled)
            }
            text = unsafe "\(symbol.cut(to: 200)) + \(place.symbol_offset) (\(text))"
        }
    }
}
