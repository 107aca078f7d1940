// SPDX-License-Identifier: Apache-2.0
// The next steps of the guide: a program as one supervised tree, with mixed servers, conditions, loops and a nested
// supervisor. Write `@main` before it, and it runs until SIGTERM or SIGINT.
//
// See it run: swift test --filter ShopExample

import Martlet

struct Shop: Application {
    var isCaching = true
    var strategy: Supervisor.Strategy { .restForOne }

    var children: [ChildSpec] {
        Counter.child(0, name: Counter.name)
        if isCaching { CacheServer.child(.init(output: { _ in })) }
        for index in 0..<4 {
            PeriodicReporter.child(
                .init(interval: .seconds(index + 1), output: { _ in }), id: "reporter-\(index)",
                restart: .transient)
        }
        Supervisor.child("data", .oneForAll, maxRestarts: 10) {
            DatabasePool.child(.init(database: Database(), size: 10, output: { _ in }))
                .with { $0.backoff = Backoff() }
            NotificationQueue.child(shutdown: .after(.seconds(30)))
        }
        Supervisor.child("sessions", .restForOne, SessionManager.tree)
        ChildSpec(id: "manual") { ManualCounter.startLink(0).pid }
    }
}

/// The same tree by hand, and what can be asked of it.
func shopTour(output: @escaping Output = terminal) async throws {
    let shop = Shop()
    let tree = try await Supervisor.start(shop.strategy) { shop.children }
    for child in try await tree.children() {
        output("\(child.id)\(child.isSupervisor ? " (a supervisor)" : "") runs")
    }
    output("Counted: \(try await Counter.name.call { .increment(by: 2, $0) })")

    let before = Counter.name.ref
    before?.pid.kill()
    while Counter.name.ref == nil || Counter.name.ref == before { await Task.yield() }
    output("Killed and started again: \(try await Counter.name.call { .get($0) })")

    try await tree.startChild(Counter.child(10, id: "extra"))
    try await tree.stopChild("extra")
    try await tree.deleteChild("extra")
    let report = await tree.shutDown(deadline: .seconds(10))
    output("Stopped in order, \(report.stuck.count) stuck")
}
