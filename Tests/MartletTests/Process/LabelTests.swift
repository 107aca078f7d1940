// SPDX-License-Identifier: Apache-2.0
// Labels of processes.

import Testing

@testable import Martlet

@Suite("Pid.setLabel")
struct LabelTests {
    @Test("a process labels itself, in place of the label of its start; an empty label takes it away")
    func replaces() async throws {
        try await withRuntime { _ in
            let desk = try await Desk.begin(options: StartOptions(label: "at start")) { script in
                script.begin = { _ in #expect(Pid.current?.status?.label == "at start") }
            }
            for label in ["import of 2024-05", "short", ""] {
                _ = try await desk.ask { _, from in
                    Pid.setLabel(label)
                    return from.reply(1)
                }
                #expect(desk.pid.status?.label == (label.isEmpty ? nil : label))
            }
        }
    }

    @Test("a long label is cut at a character, within 128 bytes")
    func cuts() async throws {
        try await withRuntime { _ in
            let desk = try await Desk.begin(options: StartOptions(label: "x" + String(repeating: "\u{E9}", count: 100)))
            #expect(desk.pid.status?.label == "x" + String(repeating: "\u{E9}", count: 63))
        }
    }

    @Test("the next process in a slot has no label of the one before")
    func ends() async throws {
        try await withRuntime(workers: 1) { test in
            for _ in 0..<50 {
                let labelled = try await Desk.begin(options: StartOptions(label: "first"))
                try await labelled.stop()
                #expect(labelled.pid.status?.label == nil)
                let plain = try await Desk.begin()
                #expect(plain.pid.status?.label == nil)
                try await plain.stop()
            }
        }
    }

    @Test("the body of a raw process labels itself")
    func raw() async throws {
        try await withRuntime { test in
            let process = spawn(Int.self) { mailbox in
                Pid.setLabel("raw")
                _ = try await mailbox.receive()
            }
            await eventually { process.pid.status?.label == "raw" }
            #expect(process.pid.status?.type == "raw process of Int")
            process.send(1)
            _ = try await process.pid.waitForExit()
        }
    }

    @Test("many processes label themselves while others read (stress)", .tags(.stress))
    func race() async throws {
        try await withRuntime { _ in
            let desks = try await Array(Array(repeating: (), count: 8)).asyncMap { try await Desk.begin() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, desk) in desks.enumerated() {
                    group.addTask {
                        for round in 0..<500 {
                            desk.tell { _ in
                                Pid.setLabel("desk \(index) round \(round)")
                                return .wait
                            }
                        }
                        _ = try await desk.call { .seen($0) }
                    }
                    group.addTask {
                        for _ in 0..<500 {
                            let label = desk.pid.status?.label
                            #expect(label == nil || label?.hasPrefix("desk \(index) round ") == true)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}

extension Array {
    fileprivate func asyncMap<R>(_ body: (Element) async throws -> R) async throws -> [R] {
        var result: [R] = []
        for element in self { result.append(try await body(element)) }
        return result
    }
}
