#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the documentation of every library, an archive for each catalogue, and fails on anything docc warns of and on any
# public symbol without a comment. No network and no plugin: docc comes with the toolchain. Not a website; to read one:
# `docc preview Sources/Martlet/Martlet.docc --additional-symbol-graph-dir .build-docs/Martlet`.
#
#   Scripts/docs.sh        .build-docs/NAME.doccarchive, all libraries
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'docs: %s\n' "$*" >&2
    exit 1
}

out=.build-docs
docc=$(command -v docc || true)
[ -n "$docc" ] || docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
[ -x "$docc" ] || fail "no docc in PATH nor beside swift; it is part of the toolchains of https://www.swift.org/install"

swift package dump-symbol-graph --skip-synthesized-members >"$out.log" 2>&1 || fail "$(tail -n 20 "$out.log")"
