// SPDX-License-Identifier: Apache-2.0
// One subscription as its consumer counts it. Pure.
//
//      asked for, and not handled yet:  0 ...... minimum ...... maximum
//                                          ^ down to here: asks for what is missing to the maximum

struct Intake {
    let subscription: Subscription
    let cancel: Subscription.Cancel
    let monitor: MonitorRef
    /// Whether the stage asks.
    var isManual = false
    /// Asked for, and not handled.
    private(set) var underWay = 0

    init(_ subscription: Subscription, _ cancel: Subscription.Cancel, _ monitor: MonitorRef) {
        self.subscription = subscription
        self.cancel = cancel
        self.monitor = monitor
    }

    private var minimum: Int { subscription.demand.lowerBound }
    private var maximum: Int { subscription.demand.upperBound }

    /// The most that one callback takes: while it handles that, the rest is on its way.
    var batchMax: Int { isManual ? .max : maximum - minimum }

    /// What to ask for at the beginning, in two parts, so that the first is handled while the second is made.
    mutating func begin() -> [Int] {
        if isManual { return [] }
        underWay = maximum
        return minimum > 0 ? [maximum - minimum, minimum] : [maximum]
    }

    /// So many were handled; how many to ask for now.
    mutating func handled(_ count: Int) -> Int {
        if isManual { return 0 }
        underWay -= count
        if underWay > minimum { return 0 }
        defer { underWay = maximum }
        return maximum - underWay
    }
}
