#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Words that may stand only in certain places: imports, atomics, clocks, sleeps, traps. Comments do not count, except
# for unfinished marks.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# ban PATTERN WHY [EXCEPT-PATH]: reads "file:line:code"; paths matching EXCEPT-PATH are allowed.
ban() {
    report "$2" < <(grep -P "^[^:]*:\d+:.*(?:$1)" | grep -vP "^(?:${3:-(?!)})")
}

runtime='Sources/Martlet/Runtime/'
# The one file that calls libpq: a C library has no other face than pointers.
libpq='Sources/MartletPostgreSQL/PostgreSQLConnection\.swift:'
atomics='CSources/CMartlet/include/martlet/atomic\.h:'

everywhere=(Sources CSources Examples Benchmarks Tests)
# A filter that fails must not pass for a tree without findings.
all=$(code_of "${everywhere[@]}") || exit 2
sources=$(code_of Sources CSources) || exit 2
c_code=$(code_of CSources) || exit 2
tests=$(code_of Tests) || exit 2
# The behaviours hand their state to an inlined handler: functions marked @unsafe, in this folder alone.
gen_server='Sources/Martlet/GenServer'
swift_code=$(grep -E "^(Sources|Examples)/" <<<"$all" | grep -v "^$gen_server/"
    code_of --declared-unsafe "$gen_server") || exit 2

ban '\bimport\s+(\w+\s+)?CMartlet\b' 'only Sources/Martlet/Runtime imports the C core' "$runtime" <<<"$all"
ban '\bunsafe\b' 'unsafe code stands in Sources/Martlet/Runtime alone' "$runtime|$libpq" <<<"$swift_code"
ban '\bimport\s+XCTest\b' 'tests use Swift Testing (its runner leaks nothing, so that the leak check stays exact)' <<<"$all"

ban '\batomic_(?!thread_fence|signal_fence)\w+|\b__atomic_\w+|\b__sync_\w+|\bstdatomic\b|\b_Atomic\b' \
    'atomics go through atomic.h' "$atomics" <<<"$c_code"
ban '\batomic_(thread|signal)_fence\b|\batomicMemoryFence\b|\b__sync_synchronize\b|\b__atomic_thread_fence\b' \
    'no fences: order is put on operations' <<<"$all"

ban '\bCLOCK_REALTIME\b|\bgettimeofday\b|\bDate\(\)|\bDate\.now\b|\btime\(NULL\)' \
    'no wall clock: time is monotonic and comes from the environment' <<<"$sources"
ban '\b(Task|Thread)\.sleep\b|(?<![\w.])(u|nano)?sleep\(' \
    'no sleeps in tests: a virtual clock, a probe, or eventually(within:)' <<<"$tests"

# What never meets a second thread may: what an article shows of Mutex, and the fakes of a driver that runs one at a time.
ban '\bMutex\b' 'ThreadSanitizer does not see a contended Mutex taken: _Locked, which it sees' \
    'Benchmarks/MartletBench/|Tests/MartletBenchTests/Fakes\.swift:|Tests/MartletTestKitTests/Articles/' <<<"$all"

ban '\btry!|\bfatalError\b' 'no traps by surprise: typed errors, or precondition with a message' <<<"$sources"

# Unfinished marks stand in comments, so these look at the text itself.
ban '\b(TODO|FIXME)\b' 'finish it, or say in the issue tracker what is missing' \
    < <(code_files Sources CSources | xargs -r grep -nHE 'TODO|FIXME')

finish
