// SPDX-License-Identifier: Apache-2.0
// What kind of evidence a test is.

import Testing

extension Tag {
    /// Many interleavings, chosen by seeds.
    @Tag static var systematic: Self
}
