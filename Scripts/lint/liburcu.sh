#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# liburcu is reached through one C file, directly or through one shim header of that file, and only through the
# library's public functions: nothing of its code is compiled into ours (NOTICE). The system module CURCU names its
# headers for the build and is included by nobody.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Includes are looked at as text: a quoted path is a string.
includes() { code_files CSources | grep -v '^CSources/CURCU/' | xargs -r grep -nHP "^\s*#\s*include\s*[<\"]$1"; }

# one_file WHY: a finding for each line of standard input unless they stand in one file; that file is left in $single.
one_file() {
    local lines paths
    lines=$(cat)
    paths=$(cut -d: -f1 <<<"$lines" | sort -u | grep .)
    single=
    if [ "$(grep -c . <<<"$paths")" -gt 1 ]; then
        report "$1" <<<"$lines"
    else
        single=$paths
    fi
}

one_file 'one file includes liburcu, here are more' < <(includes '(urcu|rculf)')
if [[ $single == *.h ]]; then
    one_file 'one C file includes the shim of liburcu, here are more' < <(includes "([^>\"]*/)?$(basename "$single")")
fi

code=$(code_of CSources) || exit 2
report 'liburcu is used through its public functions, never inlined (NOTICE)' \
    < <(grep -P '^[^:]*:\d+:.*#\s*define\s+_LGPL_SOURCE\b' <<<"$code")

finish
