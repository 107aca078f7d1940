#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The formatters' own verdict; `make format` mends what it reports. Not the house rules: those are words.sh and others.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

status=0
code=$(files '*.swift' Package.swift Sources Tests Benchmarks Examples)
if [ -n "$code" ]; then xargs swift format lint --strict --parallel <<<"$code" || status=1; fi
code=$(files '*.[ch]' CSources)
if [ -n "$code" ]; then xargs clang-format --dry-run -Werror <<<"$code" || status=1; fi
exit "$status"
