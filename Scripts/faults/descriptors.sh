#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F20: a runtime in a process whose 64 descriptors are used up.
set -euo pipefail
soak=${1:?usage: descriptors.sh MARTLET-SOAK}
ulimit -n 64
exec "$soak" descriptors
