// SPDX-License-Identifier: Apache-2.0
// Placeholder while the servers come up.

enum RawProcess {
    static var currentPid: Pid? { nil }
}
