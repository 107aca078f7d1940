// SPDX-License-Identifier: Apache-2.0
// Errors of this library in the words of others: reports show no values of users, but what a library says was expected.

/// An error whose description has ids, pids and counts, and no value of the user's: it may be shown in logs.
package protocol ToldError: Error, CustomStringConvertible {}

enum ErrorWords {
    /// An error as reports show it: its type, or what it says where that is safe.
    static func of(_ error: any Error) -> String { (error as? any ToldError)?.description ?? "\(type(of: error))" }
}
