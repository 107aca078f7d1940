// SPDX-License-Identifier: Apache-2.0
// The tags of all tests: what kind of evidence a test is.

import Testing

extension Tag {
    /// One type by itself.
    @Tag static var unit: Self
    /// Many threads or many repetitions; a few seconds.
    @Tag static var stress: Self
    /// Ends with a count of what is left.
    @Tag static var leak: Self
    /// A rule of OTP (R1-R22) or an item of the guide (S1-S47), named in the test's name.
    @Tag static var parity: Self
}
