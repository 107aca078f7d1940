// SPDX-License-Identifier: Apache-2.0
// What the tests of stages share.

import Martlet
import MartletTestKit
import Testing

extension Tag {
    /// Many interleavings, chosen by seeds.
    @Tag static var systematic: Self
}
