#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every rule that a machine can check. Each finding is one line: file:line: why | the line. Runs all rules whatever they
# find, then fails if one found something.
#
#   Scripts/lint.sh            all
#   Scripts/lint.sh --house    without the formatters
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

rules=(words liburcu layers sizes documents)
[ "${1:-}" = "--house" ] || rules+=(format)

failed=()
for rule in "${rules[@]}"; do "Scripts/lint/$rule.sh" || failed+=("$rule"); done

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}"
    exit 1
fi
echo "lint: clean"
