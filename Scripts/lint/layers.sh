#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The folders of Sources/Martlet are layers: Runtime < Process < GenServer < all others. A lower folder must not name a
# type that a higher one declares. One module holds them, so the compiler does not check this.
#
# Types count where a file declares them at its top level; nested ones (Call, State, Kind) have names too common to tell
# apart. A name that the lower side declares too, at any depth or as a generic parameter, is its own and does not count.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

root=Sources/Martlet
[ -d "$root" ] || exit 0
layers=(Runtime Process GenServer)
declares='\b(?:struct|class|enum|protocol|actor|typealias|associatedtype)\s+\K\w+'

names() { grep -oP "$declares" | sort -u; }

others=()
for folder in "$root"/*/; do
    name=$(basename "$folder")
    [[ " ${layers[*]} " == *" $name "* ]] || others+=("$folder")
done

# Generic parameters, in the brackets right behind a declaration's name.
parameters() {
    grep -oP '\b(?:func|init|subscript|struct|class|enum|protocol|actor|typealias)\b[^<(:]*<\K[^<>()]*' |
        grep -oP '(?:^|,)\s*(?:each\s+|let\s+)?\K[A-Z]\w*'
}

for i in "${!layers[@]}"; do
    lower=()
    for name in "${layers[@]:0:$((i + 1))}"; do lower+=("$root/$name"); done
    higher=("${others[@]}")
    for name in "${layers[@]:$((i + 1))}"; do higher+=("$root/$name"); done

    code=$(code_of "${lower[@]}") || exit 2
    declarations=$(code_of --top-level "${higher[@]}") || exit 2
    own=$(names <<<"$code"; parameters <<<"$code")
    foreign=$(comm -23 <(names <<<"$declarations") <(sort -u <<<"$own"))
    [ -n "$foreign" ] || continue
    pattern="\\b($(paste -sd'|' <<<"$foreign"))\\b"
    while IFS= read -r hit; do
        type=$(cut -d: -f3- <<<"$hit" | grep -oP "$pattern" | head -n 1)
        owner=$(grep -P "\\b(struct|class|enum|protocol|actor|typealias)\\s+$type\\b" <<<"$declarations" | head -n 1)
        report "${layers[i]} is below ${owner%%:*}, which declares $type" <<<"$hit"
    done < <(grep -P "^$root/${layers[i]}/[^:]*:\\d+:.*$pattern" <<<"$code")
done

finish
