// SPDX-License-Identifier: Apache-2.0
// Who takes part. A variant is added by a file of its own and a line here.

import MartletBenchCore

enum Variants {
    static let all: [any Variant] = [
        MartletPool(),
        MartletAsync(),
        MartletCaller(),
        MartletRaw(),
        ThreadBaseline(),
        StreamBaseline(),
        ActorBaseline(),
        DispatchBaseline(),
    ]
}
