#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Documents that speak of code: every test that OTPParity.md names exists and every rule has its row; every Swift example
# of the articles and the README stands in a test, so that it compiles and does what is said; links lead somewhere.
set -uo pipefail
perl "$(dirname "${BASH_SOURCE[0]}")/documents.pl"
