// SPDX-License-Identifier: Apache-2.0
// The three forms of a result: JSON, table, picture.

import Foundation
import Testing

@testable import MartletBenchCore

@Suite("Reports")
struct ReportTests {
    @Test("JSON has exactly the keys of the format, with null where nothing was sampled")
    func keys() throws {
        let outcome = Outcome(operations: 7, nanoseconds: 700, extra: ["undelivered": 3])
        let result = try #require(
            BenchmarkResult(
                .backpressure(policy: .reject, casts: 7), variant: "martlet.pool",
                rounds: [RoundResult(outcome: outcome, peakRSSBytes: 1)]))
        let data = try JSONEncoder().encode(BenchmarkReport(machine: .fake, results: [result]))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(Set(object.keys) == ["machine", "results"])
        let machine = try #require(object["machine"] as? [String: Any])
        #expect(Set(machine.keys) == ["cpu", "cores", "memory_bytes", "kernel", "swift", "date"])
        let first = try #require((object["results"] as? [[String: Any]])?.first)
        #expect(
            Set(first.keys) == [
                "workload", "parameters", "variant", "operations", "seconds", "ns_per_op", "rounds_ns_per_op", "p50_ns",
                "p99_ns", "p999_ns", "peak_rss_bytes", "extra",
            ])
        #expect(first["p50_ns"] is NSNull)
        #expect(first["ns_per_op"] as? Double == 100)
        let parameters = try #require(first["parameters"] as? [String: Any])
        #expect(parameters["policy"] as? String == "reject")
        #expect(parameters["casts"] as? Int == 7)
    }

    @Test("parameters survive a round trip as the number, text or boolean they are")
    func parameters() throws {
        let values: [ParameterValue] = [.integer(8), .text("wait"), .flag(true)]
        let data = try JSONEncoder().encode(values)
        #expect(String(decoding: data, as: UTF8.self) == #"[8,"wait",true]"#)
        #expect(try JSONDecoder().decode([ParameterValue].self, from: data) == values)
    }

    @Test("the median round and the greatest peak are reported, and the samples of all rounds")
    func summary() throws {
        let rounds = [300, 100, 200].map { (cost: UInt64) in
            RoundResult(
                outcome: Outcome(operations: 1, nanoseconds: cost, latencies: [cost]), peakRSSBytes: cost)
        }
        let result = try #require(BenchmarkResult(.call(clients: 1), variant: "a", rounds: rounds))
        #expect(result.nsPerOp == 200)
        #expect(result.roundsNsPerOp == [300, 100, 200])
        #expect(result.peakRSSBytes == 300)
        #expect(result.p50Ns == 200)
        #expect(result.p999Ns == 300)
        #expect(BenchmarkResult(.call(clients: 1), variant: "a", rounds: []) == nil)
    }

    @Test("the table groups by workload, aligns, and compares with the actor")
    func table() throws {
        let results = [
            try #require(BenchmarkResult.fake("baseline.actor", 200)),
            try #require(BenchmarkResult.fake("martlet.pool", 50)),
            try #require(BenchmarkResult.fake("martlet.pool", 1500, workload: .ring(servers: 3))),
        ]
        let text = TableReport.text(results, catalogue: [.call(clients: 1), .ring(servers: 3)])
        let lines = text.split(separator: "\n")
        #expect(lines[0] == "call/clients=1 (ns a call)")
        #expect(lines[2].contains("200 ns") && lines[2].contains("1.00x"))
        #expect(lines[3].contains("50.0 ns") && lines[3].contains("0.250x"))
        #expect(lines[2].count == lines[3].count)
        #expect(lines.contains { $0.contains("1.50 us") })
    }

    @Test("figures have three digits and the unit that fits")
    func formats() {
        #expect(Format.nanoseconds(0) == "0 ns")
        #expect(Format.nanoseconds(6.012) == "6.01 ns")
        #expect(Format.nanoseconds(999.9) == "1.00 us")
        #expect(Format.nanoseconds(12_345_678) == "12.3 ms")
        #expect(Format.bytes(1536) == "1.50 KiB")
        #expect(Format.rate(2_500_000) == "2.50M/s")
        #expect(Format.ratio(0.0625) == "0.063x")
        #expect(Format.plain(1_000_000) == "1000000")
    }

    @Test("the picture is well-formed XML with a bar and a figure for each result")
    func picture() throws {
        let results = [
            try #require(BenchmarkResult.fake("baseline.actor", 2000)), try #require(BenchmarkResult.fake("a<b", 50)),
        ]
        let svg = SVGPlot.svg(BenchmarkReport(machine: .fake, results: results), catalogue: [.call(clients: 1)])
        #expect(svg.components(separatedBy: "<rect").count == 1 + 1 + 2)
        #expect(svg.contains("Fast &amp; Good"))
        #expect(svg.contains("a&lt;b"))
        #expect(svg.contains("2.00 us"))
        #expect(svg.contains("log scale from 10.0 ns"))
    }

    @Test("the shortest bar of a logarithmic panel can be seen")
    func shortestBar() {
        let scale = Scale([100.4, 12_500], linearRatioMax: 20)
        #expect(scale.isLogarithmic)
        #expect(scale.share(of: 100.4) > 0.1)
        #expect(scale.share(of: 12_500) == 1)
        #expect(Scale([50, 100], linearRatioMax: 20).share(of: 50) == 0.5)
    }

    @Test("facts are found in the files of /proc")
    func machine() throws {
        #expect(Machine.fake.cpu == "Fast & Good")
        #expect(Machine.fake.memoryBytes == 2048 * 1024)
        // Unwrapped first: comparing a UInt64? in #expect trips AddressSanitizer in code of the compiler's (Swift 6.3.1).
        let bytes: UInt64 = try #require(ProcFile.bytes(of: "VmHWM", in: "Name:\tx\nVmHWM:\t    12 kB\n"))
        #expect(bytes == 12 * 1024)
        #expect(ProcFile.value(of: "absent", in: "a: b") == nil)
    }
}
