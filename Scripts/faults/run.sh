#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The fault figures at the size of continuous integration: every command of martlet-soak, and the faults that want a
# process of their own. One line of JSON each; the last line says how many failed, and so does the exit status.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
soak=${1:?usage: run.sh MARTLET-SOAK}
export SWIFT_BACKTRACE=enable=no
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() {
    echo "# $*"
    # The log of crashed servers is not what is looked at; a scenario that hangs is.
    timeout 120 "$@" 2>"$log" && return
    echo "FAILED with status $?: $*"
    tail -n 5 "$log"
    failed=$((failed + 1))
}

run "$soak" crash-loop --count 100000
run "$soak" order --count 10000000
run "$soak" late-replies --count 200000
run "$soak" timers --count 1000000
run Scripts/faults/clock-jump.sh "$soak"
run "$soak" timer-storm --count 1000000
run "$soak" timer-storm --count 1000000 --servers 16
run "$soak" overload --seconds 2
run "$soak" slow-consumer
run "$soak" blocked-workers --seconds 3
run "$soak" blocked-workers --seconds 3 --politely
run "$soak" starvation --seconds 3
run "$soak" endless-handler --count 300
run "$soak" limits --processes 100000
run Scripts/faults/threads.sh "$soak"
run Scripts/faults/descriptors.sh "$soak"
run "$soak" signals --seconds 3
run "$soak" fork
run "$soak" soak --minutes 0.1
echo "$failed failed"
[ "$failed" -eq 0 ]
