#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files: the licence line first, and small enough to read. Prints the median length.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

lines_max=600 # the aim is 400; a file over this holds two things
spdx='SPDX-License-Identifier: Apache-2.0'

code=$(code_files Sources CSources Examples Benchmarks Tests)
while IFS= read -r file; do
    [ -n "$file" ] || continue
    head -n 1 "$file" | grep -qxF "// $spdx" || finding "$file:1" "the first line is // $spdx"
    lines=$(wc -l <"$file")
    [ "$lines" -le "$lines_max" ] || finding "$file:$lines" "more than $lines_max lines: split it by concern"
done <<<"$code"

# The tools version, or the interpreter, must come first here.
while IFS= read -r file; do
    head -n 2 "$file" | grep -qE "^(//|#) $spdx\$" || finding "$file:2" "the licence line is missing: $spdx"
done < <(files '*.sh' Scripts && files '*.pl' Scripts && files 'Package.swift' Package.swift && files Makefile Makefile &&
    files run .ci)

if [ -n "$code" ]; then
    median=$(xargs wc -l <<<"$code" | awk '$2 != "total" { print $1 }' | sort -n |
        awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }')
    echo "lint: $(wc -l <<<"$code") source files, the median has $median lines"
fi

finish
