#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the documentation of every module that has a catalogue, .build-docs/NAME.doccarchive, from the symbol graphs of the
# ordinary debug build. Fails on whatever docc warns of, and on a public symbol without a comment. No network and no plugin:
# docc comes with the toolchain. Does not publish anything; `docc preview` with the same two arguments serves a module.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'docs: %s\n' "$*" >&2
    exit 1
}

docc=$(command -v docc || echo "$(dirname "$(readlink -f "$(command -v swift)")")/docc")
[ -x "$docc" ] || fail "no docc in PATH nor beside swift; it comes with the toolchains of https://www.swift.org/install"

out=.build-docs
rm -rf "$out" .build/*/symbolgraph && mkdir "$out"
# Its status is that of the test module, too, which need not be built: what it wrote counts.
swift package dump-symbol-graph --skip-synthesized-members --emit-extension-block-symbols >"$out/log" 2>&1 || true
graphs=$(sed -n 's/^Files written to //p' "$out/log")

status=0
shopt -s nullglob
for catalogue in Sources/*/*.docc; do
    module=$(basename "$catalogue" .docc)
    [ -f "$graphs/$module.symbols.json" ] || { cat "$out/log" && fail "no symbol graph of $module"; }
    mkdir "$out/$module"
    # The second are its extensions of other modules' types.
    cp "$graphs/$module".symbols.json "$graphs/$module"@*.symbols.json "$out/$module"
    "$docc" convert "$catalogue" --additional-symbol-graph-dir "$out/$module" \
        --output-dir "$out/$module.doccarchive" --warnings-as-errors || status=1
done

python3 - "$out"/*/*.symbols.json <<'EOF' || status=1
import json, os, sys

undocumented = 0
for graph in sys.argv[1:]:
    for symbol in json.load(open(graph))["symbols"]:
        if "docComment" not in symbol and symbol["kind"]["identifier"] != "swift.extension":
            at = symbol["location"]
            file = os.path.relpath(at["uri"].removeprefix("file://"))
            print(f"{file}:{at['position']['line'] + 1}: no documentation: {'.'.join(symbol['pathComponents'])}")
            undocumented += 1
sys.exit(undocumented > 0)
EOF
exit "$status"
