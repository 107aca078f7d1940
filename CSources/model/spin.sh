#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Spin's opinion on the mailbox: the model must hold, each of its mutants must not. Without Spin it is skipped, except
# in CI. From the root of the package.
set -uo pipefail

model=$PWD/CSources/model/spin/mailbox.pml
build=.build-model/spin
mutants=(NO_RELEASE_CAS NO_SIGNAL)

if ! command -v spin >/dev/null; then
    echo "spin is not installed (Scripts/deps.sh --extra)"
    [ "${CI:-}" != true ]
    exit
fi
mkdir -p "$build" && cd "$build" || exit 1

# verify FLAGS...: prints Spin's states and errors; true: no error, and all was searched.
verify() {
    spin "$@" -a "$model" >spin.log || { cat spin.log; return 2; }
    cc -O2 -w -DVECTORSZ=2048 -o pan pan.c || return 2
    ./pan -m200000 >pan.log 2>&1
    grep -hE 'errors:|states, stored|pan:1:' pan.log | sed 's/^/  /'
    grep -q 'errors: 0' pan.log && ! grep -q 'max search depth too small' pan.log
}

wrong=0
echo 'mailbox and schedule: 2 senders x 2, a poke'
verify || wrong=1
for mutant in "${mutants[@]}"; do
    echo "mutant $mutant"
    if verify "-D$mutant"; then
        echo '  SURVIVED'
        wrong=1
    fi
done
exit "$wrong"
