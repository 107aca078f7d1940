#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The long versions: the checker at bound 3, hammers of ten minutes under 8 threads with and without delays, both
# sanitizers and the delayed Swift tests five times over, the fault scenarios, and two soaks.
#
#   Scripts/nightly.sh            soaks of 60 minutes each
#   Scripts/nightly.sh MINUTES    soaks as long
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MINUTES="${1:-60}" ROUNDS=5

make model BOUND=3
make mutants
make check SECONDS=60 THREADS=8 CHECK_ARGS='--only hammer'
make chaos SECONDS=60 THREADS=8 CHECK_ARGS='--only hammer'
make check SANITIZE=thread SECONDS=20 THREADS=8 CHECK_ARGS='--only hammer'
for _ in $(seq "$ROUNDS"); do
    make tsan
    make asan
    make chaos-tests
done
make faults
make bench FULL=1
make soak MINUTES="$MINUTES"
make soak-tree MINUTES="$MINUTES"
