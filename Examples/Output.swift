// SPDX-License-Identifier: Apache-2.0
// Where examples print. Each takes it as an argument, so that a test can read what a terminal would show.

/// Takes one line.
typealias Output = @Sendable (String) -> Void

/// To standard output: what an example uses unless told otherwise.
let terminal: Output = { print($0) }
