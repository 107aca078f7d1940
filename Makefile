# SPDX-License-Identifier: Apache-2.0
# The verbs: deps build bench test check tsan asan docs lint format clean. `make` alone lists them.
# Each stands alone: on a fresh Debian or Ubuntu machine with a Swift toolchain, `make test` and `make bench` install
# what is missing (Scripts/deps.sh) and end in a result.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# --- Toolchain -------------------------------------------------------------------------------------------------------
# Asked of the compiler, so that it may lie anywhere; empty while no Swift is installed, which `make deps` reports.
SWIFT_LIB = $(shell swiftc -print-target-info 2>/dev/null \
    | sed -n '/"runtimeLibraryPaths"/,/]/s/^ *"\(\/.*\)".*/\1/p' | head -n 1)
TOOLCHAIN_CLANG = $(wildcard $(SWIFT_LIB)/../../../bin/clang)

# CC is the caller's, else clang in PATH, else the toolchain's. Make's own default, cc, does not count.
ifeq ($(origin CC),default)
CC = $(or $(shell command -v clang 2>/dev/null),$(TOOLCHAIN_CLANG),clang)
endif

# --- The C check program ---------------------------------------------------------------------------------------------
# SANITIZE=thread|address   a build of its own under the sanitizer; address brings undefined along; or coverage
# SECONDS=n THREADS=n       how long and how wide the hammers run
# CHECK_ARGS=...            anything else the program takes
# CHAOS=1                   a build of its own that delays threads at atomics (make chaos; MT_CHAOS_SEED=n repeats one,
#                           MT_CHAOS_SLEEP_US=n (20) is the longest delay)
SANITIZE ?=
CHAOS ?=
CHECK_DIR := .build-check$(addprefix -,$(SANITIZE))$(if $(CHAOS),-chaos)
CHECK_BIN := $(CHECK_DIR)/martlet-check
CHECK_SRC := $(sort $(wildcard CSources/CMartlet/src/*.c CSources/check/*.c))
CHECK_HDR := $(wildcard CSources/CMartlet/include/martlet/*.h CSources/CMartlet/src/*.h CSources/check/*.h)
CHECK_OBJ := $(patsubst CSources/%.c,$(CHECK_DIR)/%.o,$(CHECK_SRC))

CHECK_CFLAGS = -std=gnu11 -O2 -g -Wall -Wextra -Werror -DMT_CHECKED $(if $(CHAOS),-DMT_CHAOS) -D_GNU_SOURCE= -pthread \
    -ICSources/CMartlet/include -ICSources/CMartlet/src $(SANITIZE_FLAGS) $(shell pkg-config --cflags liburcu-bp liburcu-cds)
CHECK_LIBS = $(shell pkg-config --libs liburcu-bp liburcu-cds) $(SANITIZE_LIBS)

ifeq ($(SANITIZE),thread)
SANITIZE_FLAGS = -fsanitize=thread -fno-omit-frame-pointer
# The toolchain's ThreadSanitizer intercepts libdispatch, so it wants its symbols even in a program of C alone.
SANITIZE_LIBS = -L$(SWIFT_LIB) -Wl,-rpath,$(SWIFT_LIB) -ldispatch -lBlocksRuntime
else ifeq ($(SANITIZE),address)
SANITIZE_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# gold, clang's default here, prints hundreds of warnings over ASan's symbols; lld comes with the toolchain.
SANITIZE_LIBS = $(if $(or $(wildcard $(dir $(CC))ld.lld),$(shell command -v ld.lld)),-fuse-ld=lld)
else ifeq ($(SANITIZE),coverage)
# The toolchain's clang: its profile must be readable by the tools that read the Swift tests' one.
CC = $(TOOLCHAIN_CLANG)
SANITIZE_FLAGS = -fprofile-instr-generate -fcoverage-mapping
else ifneq ($(SANITIZE),)
$(error SANITIZE is thread, address or coverage, not "$(SANITIZE)")
endif

# --- Verbs -----------------------------------------------------------------------------------------------------------
# SWIFT_ARGS   passed to swift build and swift test, e.g. SWIFT_ARGS='-j 2'
# TEST_ARGS    passed to swift test, e.g. TEST_ARGS='--filter Mailbox'
# FULL=1       bench: the full run; quick without
# ARGS         bench: passed to martlet-bench, e.g. ARGS='--only call --json results.json'
SWIFT_ARGS ?=
TEST_ARGS ?=
# Swift tests at a time. Without a limit all begin together, each with threads of its own, and take three times as long.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 8
ARGS ?=
FULL ?=
BENCH_ARGS = $(if $(filter 1,$(FULL)),,--quick) $(ARGS)

.PHONY: help deps deps-extra build bench test check check-tsan check-asan chaos chaos-tests tsan asan coverage trust nightly faults soak soak-tree docs lint lint-selftest format clean

help:
	@echo 'make test     C checks, then the Swift tests'
	@echo 'make bench    benchmarks: quick; FULL=1 for the full run, ARGS=... for martlet-bench'
	@echo 'make build    debug build               make check   the C check program (SECONDS= THREADS= SANITIZE=)'
	@echo 'make tsan     all tests, TSan           make asan    all tests, ASan + LSan (C: and UBSan)'
	@echo 'make lint     format and house rules    make format  formats Swift and C in place'
	@echo 'make model    the model checker (BOUND= PROGRAM= SEED= MUTANT=)   make mutants  and that it sees'
	@echo 'make spin     the second opinion        make chaos   the C checks, threads delayed at atomics'
	@echo 'make coverage all tests: lines of C and Swift (HTML=folder), C traps on UB'
	@echo 'make trust    all of these, for CI      make nightly   the long versions'
	@echo 'make faults   the fault figures, CI size  make soak    mixed load for MINUTES=n, a line a minute'
	@echo 'make soak-tree   the same, a supervision tree that crashes all the time'
	@echo 'make docs     DocC archives, no warning  make deps    installs what is missing'
	@echo 'make clean    removes every build folder'

deps:
	@Scripts/deps.sh

deps-extra:
	@Scripts/deps.sh --extra

build: deps
	swift build $(SWIFT_ARGS)

bench: deps
	swift build -c release --product martlet-bench $(SWIFT_ARGS)
	"$$(swift build -c release --show-bin-path)/martlet-bench" $(BENCH_ARGS)

test: check
	swift test --disable-xctest $(SWIFT_ARGS) $(TEST_ARGS)

# The build runs in a second make: pkg-config has an answer only after deps.
check: deps
	@$(MAKE) -s $(CHECK_BIN)
	./$(CHECK_BIN) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(THREADS),--threads $(THREADS)) $(CHECK_ARGS)

# The same program, with a delay now and then before an atomic.
chaos:
	@$(MAKE) check CHAOS=1

# $(call sanitized,NAME,FLAGS): every Swift test under a tool, in a build of its own; MT_SEEDS_MAX=n (100) seeds a
# race at most, ten thousand take a sanitizer an hour. Not the breadcrumb's: a sanitizer takes the signals itself. The
# core checks its invariants as it does in the C checks (MT_CHECKED).
CHECKED := -Xcc -DMT_CHECKED
define sanitized
	MT_SEEDS_MAX=$(or $(MT_SEEDS_MAX),100) swift test --disable-xctest --scratch-path .build-$(1) $(2) $(CHECKED) \
	    --skip BreadcrumbTests $(SWIFT_ARGS) $(TEST_ARGS)
endef

# The C checks alone.
check-tsan:
	@$(MAKE) check SANITIZE=thread

check-asan:
	@$(MAKE) check SANITIZE=address

tsan: check-tsan
	$(call sanitized,tsan,--sanitize=thread)

# lld, as for the C check: the default linker buries the summary under warnings.
asan: export LSAN_OPTIONS ?= suppressions=$(CURDIR)/Scripts/leaks.supp:print_suppressions=0
asan: check-asan
	$(call sanitized,asan,--sanitize=address -Xswiftc -use-ld=lld)

# Every Swift test on a core that delays threads at atomics: whether a test takes what is on its way for done. The delays
# are as long as a busy machine's (MT_CHAOS_SLEEP_US=n; MT_CHAOS_SEED=n repeats them).
chaos-tests: export MT_CHAOS_SLEEP_US ?= 3000
chaos-tests: deps
	$(call sanitized,chaos,-Xcc -DMT_CHAOS)

# Of C and Swift; fails below the limits. HTML=folder for a browsable copy. And UndefinedBehaviorSanitizer, which Swift
# refuses on Linux: the C part traps, the backtrace names the line.
coverage: deps
	@$(MAKE) -s .build-check-coverage/martlet-check SANITIZE=coverage
	@Scripts/coverage.sh $(if $(HTML),--html $(HTML))

# Every tool that finds what tests alone do not, sized for each change; Documentation/Trust.md says what each is for.
trust: deps-extra
	@Scripts/trust.sh

# The same at length: hours. MINUTES= of soak.
nightly: deps-extra
	@Scripts/nightly.sh $(MINUTES)

# One JSON line for each figure of Documentation/Trust.md; fails when a counter is not what it must be.
faults: deps-extra
	swift build -c release --product martlet-soak $(SWIFT_ARGS)
	@Scripts/faults/run.sh "$$(swift build -c release --show-bin-path)/martlet-soak"

# MINUTES=n (1)   a line of JSON a minute; fails when something is lost or grows
soak: deps
	swift build -c release --product martlet-soak $(SWIFT_ARGS)
	"$$(swift build -c release --show-bin-path)/martlet-soak" soak --minutes $(or $(MINUTES),1)

# One arena of malloc: else a spare thread that first works after ten minutes brings one, which grows to its own most, and
# a program that leaks nothing has grown by 8 MiB.
soak-tree: deps
	swift build -c release --product martlet-soak $(SWIFT_ARGS)
	MALLOC_ARENA_MAX=1 "$$(swift build -c release --show-bin-path)/martlet-soak" tree --minutes $(or $(MINUTES),1)

# .build-docs/NAME.doccarchive of every module; docc's warnings and public symbols without a comment fail.
docs: deps
	@Scripts/docs.sh

lint: deps-extra
	@Scripts/lint.sh

# Plants one violation of each rule in a copy of the tree and expects the lint to name it.
lint-selftest: deps-extra
	@Scripts/lint/selftest.sh

format: deps-extra
	swift format --in-place --parallel --recursive Package.swift $(wildcard Sources Tests Benchmarks Examples)
	find CSources -name '*.[ch]' -exec clang-format -i {} +

clean:
	rm -rf .build .build-check .build-check-thread .build-check-address .build-check-chaos .build-check-coverage \
	    .build-model .build-tsan .build-asan .build-coverage .build-trust .build-docs

# Any changed header rebuilds all: the program is small. The Makefile counts too, flags stand in it.
$(CHECK_BIN): $(CHECK_OBJ)
	@echo "link $@"
	@$(CC) $(CHECK_CFLAGS) $(CHECK_OBJ) $(CHECK_LIBS) -o $@

$(CHECK_DIR)/%.o: CSources/%.c $(CHECK_HDR) Makefile
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(CHECK_CFLAGS) -c $< -o $@

include CSources/model/model.mk
