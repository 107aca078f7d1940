// SPDX-License-Identifier: Apache-2.0
// `swift run martlet-tour`: the examples, printed.

import Examples
import Glibc

@main
struct TourCommand {
    static func main() async {
        do { try await Tour.run(Array(CommandLine.arguments.dropFirst())) } catch {
            print("martlet-tour: \(error)")
            exit(1)
        }
    }
}
