// SPDX-License-Identifier: Apache-2.0
// An OS process that a test starts, feeds and kills. Not Foundation's: that leaks a word of each process it has run, and the
// leak checker is right to say so.

import Foundation
import Glibc

@testable import Martlet

struct CommandFailure: Error { let words: [String], code: Int32 }

/// A running command, with its input and output as pipes; what it writes to standard error goes nowhere.
final class Command: @unchecked Sendable {  // of one test; `status` is written by who waits
    let pid: pid_t
    /// Closing it ends the command's input.
    let input: FileHandle
    let output: FileHandle
    private var status: Int32?

    /// One start at a time: a command that got a copy of another's pipe would keep its reader waiting.
    private static let starts = _Locked<Int>(0)

    /// Starts it; the first word is looked up in PATH.
    init(_ words: [String]) throws {
        (pid, input, output) = try Self.starts.withLock { count in
            count += 1
            return try Self.start(words)
        }
    }

    private static func start(_ words: [String]) throws -> (pid_t, FileHandle, FileHandle) {
        let (input, output) = (try pipe(), try pipe())
        defer { for end in [input.read, output.write] { close(end) } }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input.read, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output.write, 1)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var pid = pid_t()
        let code = unsafe posix_spawnp(&pid, words[0], &actions, nil, &arguments, environ)
        let ends = [input.write, output.read].map { FileHandle(fileDescriptor: $0, closeOnDealloc: true) }
        if code != 0 { throw CommandFailure(words: words, code: code) }
        return (pid, ends[0], ends[1])
    }

    /// Runs it to its end; a status other than 0 is a failure.
    static func run(_ words: [String]) throws {
        let command = try Command(words)
        try command.input.close()
        _ = try command.output.readToEnd()
        let status = command.wait()
        if status != 0 { throw CommandFailure(words: words, code: status) }
    }

    /// Blocks until it has ended; the status as waitpid tells it.
    @discardableResult
    func wait() -> Int32 {
        if let status { return status }
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) == -1, errno == EINTR {}
        self.status = status
        return status
    }

    /// Ends of which no child gets a copy.
    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard unsafe Glibc.pipe(&ends) == 0 else { throw CommandFailure(words: ["pipe"], code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}
