#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does the checker see what it is there to see? Each patch in mutants/ makes one line of the core weaker, in a copy of
# the sources; the program that mutants/table names for it must fail. A patch that no longer applies fails too.
#
#   CSources/model/mutants.sh               all
#   CSources/model/mutants.sh NAME...       these
#   CSources/model/mutants.sh --show NAME   one, with the failing execution
# From the root of the package; the checker itself is built (make model). BOUND: preemptions in place of the programs'.
set -uo pipefail

model=CSources/model
table=$model/mutants/table
build=.build-model
show=false
if [ "${1:-}" = --show ]; then
    show=true
    shift
fi

# A copy of the core with the patch in it, and what was built of the sources that the patch does not touch.
prepare() {
    local name=$1 dir=$2
    rm -rf "$dir"
    mkdir -p "$dir/tree/CSources"
    cp -a CSources/CMartlet "$dir/tree/CSources/"
    patch --quiet --no-backup-if-mismatch -p1 -d "$dir/tree" <"$model/mutants/$name.patch" >"$dir/patch.log" 2>&1 || return 1
    cp -a "$build/core" "$build/engine" "$build/programs" "$dir/"
    find "$dir" -name '*.d' -exec sed -i -e "s|CSources/CMartlet|$dir/tree/CSources/CMartlet|g" \
        -e "s,^$build/,$dir/," {} +
}

# Prints the verdict of one mutant; false: not killed.
run() {
    local name=$1 program=$2 what=$3 dir=$build/mutants/$1
    if ! prepare "$name" "$dir"; then
        printf 'STALE     %-36s the patch no longer applies\n' "$name"
        return 1
    fi
    local sources="$model/programs/world.c $model/programs/actor.c $model/programs/names_none.c"
    for source in $(grep -lE "^[A-Z_]+\($program[,)]" "$model"/programs/*.c); do sources+=" $source"; done
    if ! make -s -j2 MODEL_DIR="$dir" MODEL_CORE="$dir/tree/CSources/CMartlet" MODEL_PROGRAM_SRC="$sources" \
        "$dir/martlet-model" >"$dir/build.log" 2>&1; then
        printf 'BROKEN    %-36s does not compile: %s\n' "$name" "$(grep -m1 error "$dir/build.log")"
        return 1
    fi
    local options=(--only "$program" ${BOUND:+--bound "$BOUND"})
    if $show; then
        "$dir/martlet-model" "${options[@]}"
        return
    fi
    local line
    line=$("$dir/martlet-model" "${options[@]}" --quiet | head -n 1)
    rm -rf "$dir"
    if [[ $line != *FAILED:* ]]; then
        printf 'SURVIVED  %-36s %s (%s)\n' "$name" "$line" "$what"
        return 1
    fi
    printf 'killed    %-36s %-24s execution %7s: %s\n' "$name" "$program" \
        "$(sed -E 's/.* ([0-9]+) executions.*/\1/' <<<"$line")" "${line#*FAILED: }"
}

wrong=0
count=0
for patch in "$model"/mutants/*.patch; do
    name=$(basename "$patch" .patch)
    grep -q "^$name " "$table" || { echo "UNLISTED  $name stands not in $table"; wrong=$((wrong + 1)); }
done
while read -r name program what; do
    [[ -z $name || $name == \#* ]] && continue
    [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    count=$((count + 1))
    run "$name" "$program" "$what" || wrong=$((wrong + 1))
done <"$table"
[ "$count" -gt 0 ] || { echo "no mutant of that name in $table"; exit 2; }
$show || echo "$count mutants, $((count - wrong)) killed"
[ "$wrong" -eq 0 ] || $show
