#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F11: the wall clock jumps ten days back and ten years ahead while timers run; the monotonic clock does not. Needs
# faketime (Scripts/deps.sh --extra).
set -euo pipefail
soak=${1:?usage: clock-jump.sh MARTLET-SOAK}
library=$(dpkg -L libfaketime 2>/dev/null | grep -m 1 'libfaketimeMT\.so')
control=$(mktemp)
trap 'rm -f "$control" "$control.out"' EXIT
echo +0 >"$control"
# The command goes by the environment: the preloaded library hides the arguments from Swift. A run that is not the
# scenario must not pass.
LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=$control FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 \
    FAKETIME_DONT_FAKE_MONOTONIC=1 MARTLET_SOAK="clock-jump --control $control" "$soak" | tee "$control.out"
grep -q '"id":"F11","ok":true' "$control.out"
