#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F19: address space for little more than the program itself: a runtime that the system refuses its memory stops on
# purpose (a trap, 132) or works; it does not hang, and it does not run into unmapped memory (139).
set -euo pipefail
soak=${1:?usage: threads.sh MARTLET-SOAK}
ulimit -c 0
# Megabytes of address space; the core reserves some gigabytes for its tables.
for megabytes in 1000 4000 16000; do
    status=0
    message=$( (ulimit -v $((megabytes * 1024)) && exec timeout 20 "$soak" limits --processes 10) 2>&1) || status=$?
    if [ "$status" -eq 124 ] || [ "$status" -eq 139 ]; then
        echo "F19: $megabytes MB: status $status, a hang or a segmentation fault: $message"
        exit 1
    fi
    echo "{\"id\":\"F19\",\"ok\":true,\"address_space_mb\":$megabytes,\"status\":$status}"
done
