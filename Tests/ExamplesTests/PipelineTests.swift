// SPDX-License-Identifier: Apache-2.0
// Events flow as they are asked for.

import Martlet
import Testing

@testable import Examples

@Suite("PipelineExample")
struct PipelineExampleTests {
    @Test("short and long squares come each in order, then a greeting by a process each")
    func tour() async throws {
        let lines = Lines()
        try await withExampleRuntime { _ in try await pipelineTour(output: lines.output) }
        #expect(lines.all.filter { $0.hasPrefix("short") } == ["short 1", "short 4", "short 9"])
        #expect(lines.all.filter { $0.hasPrefix("long") } == ["long 16", "long 25", "long 36"])
        #expect(lines.all.suffix(2) == ["hello Ada", "hello Grace"])
    }
}
