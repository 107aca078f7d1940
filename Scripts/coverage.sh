#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Line coverage of the C core and of the library, from the C check program and the Swift tests together; fails below the
# limits of F25. Not a list of what to test: what has no line is not seen here.
#
#   Scripts/coverage.sh            both totals, and the ten files with the most lines missed
#   Scripts/coverage.sh --html D   and a browsable copy in folder D
#
# Run by `make coverage`, which has built and run the C check program with counters.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly C_LIMIT=90 SWIFT_LIMIT=85
readonly SCRATCH=.build-coverage CHECK=.build-check-coverage

# The toolchain's own: older ones of the system cannot read its format.
tools=$(dirname "$(readlink -f "$(command -v swift)")")

# %m: what the processes of the allocation sweep have run is merged into one file.
rm -f "$CHECK"/check-*.profraw
LLVM_PROFILE_FILE="$CHECK/check-%m.profraw" "$CHECK/martlet-check"
# The races with 100 seeds: more see hardly another line. C traps on undefined behaviour meanwhile (F25): one build less.
MT_SEEDS_MAX=${MT_SEEDS_MAX:-100} swift test --disable-xctest --enable-code-coverage -Xcc -fprofile-instr-generate -Xcc -fcoverage-mapping \
    -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined --scratch-path "$SCRATCH" ${SWIFT_ARGS:-}

tests=$(echo "$SCRATCH"/debug/*PackageTests.xctest)
"$tools/llvm-profdata" merge -sparse "$CHECK"/check-*.profraw "$SCRATCH/debug/codecov/default.profdata" -o "$SCRATCH/all.profdata"
sources=(-instr-profile="$SCRATCH/all.profdata" "$tests" -object "$CHECK/martlet-check")

if [ "${1:-}" = "--html" ]; then
    "$tools/llvm-cov" show "${sources[@]}" -format=html -output-dir="$2" \
        -ignore-filename-regex='(\.build|Tests/|Benchmarks/|Examples/|CSources/check/)' >/dev/null
fi

"$tools/llvm-cov" export -summary-only "${sources[@]}" 2>/dev/null |
    python3 Scripts/coverage.py "C core" CSources/CMartlet/ "$C_LIMIT" "library" Sources/ "$SWIFT_LIMIT"
