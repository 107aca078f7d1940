# SPDX-License-Identifier: Apache-2.0
# What the rules share: the list of files, and how a finding is printed. Sourced, at the repository's top.

lint_dir=$(dirname "${BASH_SOURCE[0]}")

# files EXTENSION-GLOB FOLDER...: existing files below the folders that exist, build folders left out.
files() {
    local glob=$1 folder
    shift
    for folder in "$@"; do
        [ -e "$folder" ] || continue
        find "$folder" -name '.build*' -prune -o -type f -name "$glob" -print
    done | LC_ALL=C sort
}

code_files() { files '*.[ch]' "$@" && files '*.swift' "$@"; }

# code_of [--flag] FOLDER...: "file:line:code" of every source file there.
code_of() {
    local flags=()
    while [ $# -gt 0 ] && [ "${1#--}" != "$1" ]; do flags+=("$1") && shift; done
    code_files "$@" | xargs -r perl "$lint_dir/code-only.pl" "${flags[@]}"
}

findings=0

# finding PLACE WHY: one line a finding; PLACE is file:line.
finding() {
    printf '%s: %s\n' "$1" "$2"
    findings=$((findings + 1))
}

# report WHY: a finding for each "file:line:text" of standard input.
report() {
    local why=$1 file line text
    while IFS=: read -r file line text; do
        finding "$file:$line" "$why | $(sed 's/^ *//' <<<"$text")"
    done
}

finish() { [ "$findings" -eq 0 ]; }
