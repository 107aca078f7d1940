#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every tool that finds what tests alone do not, each as its own verb, one after another; a line a step with its time.
# A step's output is kept in .build-trust/STEP.log; the first failure ends the run, with the end of that output and then
# the lines that say what failed, which parallel tests leave far above the end.
#
#   Scripts/trust.sh               all
#   Scripts/trust.sh tsan asan     these
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(model mutants spin chaos tsan asan coverage faults)

mkdir -p .build-trust
for step in "${steps[@]}"; do
    started=$SECONDS
    log=.build-trust/$step.log
    if ! SWIFT_BACKTRACE=enable=no make "$step" >"$log" 2>&1; then
        tail -n 200 "$log"
        echo "trust: what failed:"
        grep -aE -A 3 'recorded an issue|(ERROR|WARNING): [A-Za-z]+Sanitizer|error:|: expected |FAILED' "$log" | head -n 60
        echo "trust: $step failed after $((SECONDS - started)) s; all of it: $log"
        exit 1
    fi
    echo "trust: $step passed in $((SECONDS - started)) s: $(grep -aE 'passed|clean$|coverage: C|killed|no failure|0 errors|0 failed' "$log" | tail -n 1)"
done
