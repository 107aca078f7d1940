// SPDX-License-Identifier: Apache-2.0
// What a thread has computed: beside the clock on the wall, a figure that other load on the machine disturbs less.

import Glibc

enum ThreadTime {
    /// Nanoseconds of processor time of the calling thread.
    static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
