#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the system packages that the build needs, and only those that are missing; it says what it does. Not an
# installer of Swift: without a toolchain it says so and stops.
#
#   Scripts/deps.sh             what build, test and bench need
#   Scripts/deps.sh --extra     and what lint, make spin, the fault scripts and the tests of MartletPostgreSQL need:
#                               clang-format, spin, faketime, a PostgreSQL server, which the tests start themselves
set -euo pipefail

say() { printf 'deps: %s\n' "$*"; }

fail() {
    printf 'deps: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "neither root nor sudo here; as root, run: $*"
    fi
}

install_packages() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

command -v swift >/dev/null || fail "no Swift toolchain in PATH; Swift 6.2 or later: https://www.swift.org/install"

missing=()
# pkgconf, a drop-in, answers to the same name.
command -v pkg-config >/dev/null || missing+=(pkg-config)
if [ ${#missing[@]} -gt 0 ] || ! pkg-config --exists liburcu-bp liburcu-cds; then missing+=(liburcu-dev); fi
if [ ${#missing[@]} -gt 0 ] || ! pkg-config --exists sqlite3; then missing+=(libsqlite3-dev); fi
if [ ${#missing[@]} -gt 0 ] || ! pkg-config --exists libpq; then missing+=(libpq-dev); fi
if [ "${1:-}" = "--extra" ]; then
    for tool in clang-format spin faketime; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    # Debian keeps the server out of PATH.
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || fail "missing: ${missing[*]}; this machine has no apt-get, install their equivalents"
say "missing: ${missing[*]}"

# A fresh machine has no package lists, an old one stale ones: try without an update only where lists exist.
known() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'; }
is_known=true
for package in "${missing[@]}"; do known "$package" || is_known=false; done
if ! $is_known; then
    say "the package lists do not know them: apt-get update"
    as_root apt-get update
fi
say "apt-get install ${missing[*]}"
if ! install_packages "${missing[@]}"; then
    say "that failed; once more after apt-get update"
    as_root apt-get update
    install_packages "${missing[@]}"
fi
