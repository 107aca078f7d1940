#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does the lint see what it is there to see? Plants one violation of each rule in a copy of the tree, one at a time, and
# expects a finding at that file and with that reason; plants what is allowed too, and expects none.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r .swift-format .clang-format Package.swift Makefile .ci Scripts "$copy"
for folder in Sources CSources Examples Benchmarks Tests; do
    if [ -d "$folder" ]; then cp -r "$folder" "$copy"; fi
done

wrong=0
header='// SPDX-License-Identifier: Apache-2.0'

# run RULE FILE TEXT: what the rule prints of FILE once it holds TEXT below the licence line.
run() {
    local rule=$1 file=$copy/$2 text=$3
    mkdir -p "$(dirname "$file")"
    printf '%s\n%b\n' "$header" "$text" >"$file"
    (cd "$copy" && "Scripts/lint/$rule.sh" 2>&1) | grep -F "$2:"
    rm -f "$file"
}

caught() {
    if run "$1" "$2" "$3" | grep -qF -- "$4"; then
        echo "caught   $1: $4"
    else
        echo "MISSED   $1: $4 ($2)"
        wrong=1
    fi
}

allowed() {
    local found
    found=$(run "$1" "$2" "$3")
    if [ -n "$found" ]; then
        echo "WRONGLY  $found"
        wrong=1
    else
        echo "allowed  $1: $2: $4"
    fi
}

caught words Sources/Martlet/Process/Plant.swift 'internal import CMartlet' 'only Sources/Martlet/Runtime imports'
caught words Tests/MartletTests/Plant.swift 'import CMartlet' 'only Sources/Martlet/Runtime imports'
allowed words Sources/Martlet/Runtime/Plant.swift 'internal import CMartlet' 'the runtime imports the core'
caught words Sources/Martlet/Stage/Plant.swift 'let p = unsafe q.pointee' 'unsafe code stands in'
caught words Sources/Martlet/GenServer/Plant.swift 'func f() { unsafe g() }\n@unsafe func h() {}' 'unsafe code stands in'
allowed words Sources/Martlet/GenServer/Plant.swift \
    '@unsafe @inlinable\nfunc f(\n    a: Int\n) throws -> Int? {\n    do { try unsafe g() }\n}' '@unsafe functions of behaviours'
caught words Sources/MartletPostgreSQL/Plant.swift 'let p = unsafe q.pointee' 'unsafe code stands in'
allowed words Sources/Martlet/Stage/Plant.swift '// unsafe, try! and Date() in prose\nlet s = "unsafe fatalError"' 'prose'
caught words Tests/MartletTests/Plant.swift 'import XCTest' 'tests use Swift Testing'
caught words Tests/MartletTests/Plant.swift 'let notes = Mutex(0)' 'ThreadSanitizer does not see'
allowed words Benchmarks/MartletBench/Plant.swift 'let notes = Mutex(0)' 'the benchmark runs under no sanitizer'
caught words CSources/CMartlet/src/plant.c 'static int f(void) { return __atomic_load_n(&x, 0); }' 'go through atomic.h'
caught words CSources/CMartlet/src/plant.c '#include <stdatomic.h>' 'go through atomic.h'
caught words CSources/check/plant.c 'static void f(void) { atomic_store(&x, 1); }' 'go through atomic.h'
caught words CSources/CMartlet/include/martlet/plant.h 'static _Atomic(int) x;' 'go through atomic.h'
caught words CSources/CMartlet/src/plant.c 'void f(void) { atomic_thread_fence(memory_order_seq_cst); }' 'no fences'
caught words CSources/CMartlet/src/plant.c 'clock_gettime(CLOCK_REALTIME, &t);' 'no wall clock'
caught words Sources/Martlet/Runtime/Plant.swift 'let now = Date()' 'no wall clock'
caught words Tests/MartletTests/Plant.swift 'try await Task.sleep(for: .seconds(1))' 'no sleeps in tests'
caught words Tests/MartletTests/Plant.swift 'usleep(10)' 'no sleeps in tests'
caught words Sources/Martlet/Agent/Plant.swift 'let x = try! f()' 'no traps by surprise'
caught words Sources/Martlet/Agent/Plant.swift 'fatalError("no")' 'no traps by surprise'
caught words CSources/CMartlet/src/plant.c '// TODO: the rest' 'finish it'

caught liburcu CSources/CMartlet/src/plant.c '#define _LGPL_SOURCE' 'never inlined'
# The tree's own includes go, neighbours take their place.
find "$copy/CSources" -not -path '*/CURCU/*' -name '*.[ch]' -exec sed -i '/^#include <urcu/d' {} +
neighbour=$copy/CSources/CMartlet/src/neighbour
allowed liburcu CSources/CMartlet/src/plant.c '#include <urcu/urcu-bp.h>' 'one file'
printf '%s\n#include <urcu/urcu-bp.h>\n' "$header" >"$neighbour.h"
caught liburcu CSources/CMartlet/src/plant.c '#include "urcu/rculfhash.h"' 'one file includes liburcu'
allowed liburcu CSources/CMartlet/src/plant.c '#include "neighbour.h"' 'one shim, one file'
printf '%s\n#include "neighbour.h"\n' "$header" >"$neighbour.c"
caught liburcu CSources/CMartlet/src/plant.c '#include "../src/neighbour.h"' 'one C file includes the shim'
rm "$neighbour".[ch]

mkdir -p "$copy/Sources/Martlet/Supervision"
printf '%s\npublic struct PlantedHigh {\n    struct PlantedNested {}\n}\n' "$header" \
    >"$copy/Sources/Martlet/Supervision/PlantedHigh.swift"
caught layers Sources/Martlet/GenServer/Plant.swift 'let x: PlantedHigh? = nil' 'GenServer is below'
caught layers Sources/Martlet/Process/Plant.swift 'func f(_: PlantedHigh) {}' 'Process is below'
caught layers Sources/Martlet/Runtime/Plant.swift 'extension PlantedHigh {}' 'Runtime is below'
allowed layers Sources/Martlet/Runtime/Plant.swift '// PlantedHigh\nlet PlantedNested = 1' 'comments, nested names'
allowed layers Sources/Martlet/Agent/Plant.swift 'let x: PlantedHigh? = nil' 'folders of the top layer see each other'
allowed layers Sources/Martlet/Process/Plant.swift 'func f<PlantedHigh>(_: PlantedHigh) {}' 'generic parameters'

parity=Documentation/OTPParity.md
caught documents "$parity" '| R1 | | | `NoSuchTests/nowhere` |' 'no such test: NoSuchTests/nowhere'
caught documents "$parity" '| R1 | | | `StartTests/nowhere` |' 'no such test: StartTests/nowhere'
caught documents "$parity" '| R1 | | | nothing |' 'a row without a test'
caught documents "$parity" '| R1 | | | to come |' 'expected one row for S47, got 0'
article=Sources/Martlet/Martlet.docc/Plant.md
caught documents "$article" '```swift\nlet planted = 1\n```' 'stands in no test'
caught documents README.md '```swift\nimport Martlet\nlet planted = 1\n```' 'stands in no test'
caught documents "$article" 'See <doc:Nowhere>.' 'no such article here'
caught documents "$article" 'See [calls](Calls.md).' 'an article links to no file'
caught documents "$article" 'See `Examples/Nowhere.swift`.' 'no such file'
allowed documents "$article" 'See [calls](doc:Calls), `Examples/Counter.swift`.' 'an article and a file'
caught documents Documentation/Plant.md 'See [x](Nowhere.md).' 'leads nowhere'
allowed documents "$article" '```elixir\nplanted = 1\n```' 'other languages'

caught sizes Sources/Martlet/Agent/Plant.swift "$(yes '//\n' | head -n 601 | tr -d '\n')" 'more than 600 lines'
header='// no licence'
caught sizes CSources/CMartlet/src/plant.c 'int x;' 'the first line is'
header='// SPDX-License-Identifier: Apache-2.0'

caught format Sources/Martlet/Agent/Plant.swift 'public let  x = y!' 'NeverForceUnwrap'
caught format Sources/Martlet/Agent/Plant.swift 'public let x = 1' 'AllPublicDeclarationsHaveDocumentation'
caught format CSources/CMartlet/src/plant.c 'int  x ;' 'clang-format-violations'

exit "$wrong"
