# SPDX-License-Identifier: Apache-2.0
# The model checker: the core's sources with a third back end of atomics, and programs that drive them. Included by the
# Makefile of the package, whose CC it uses.
#
# The core and the programs are compiled with ThreadSanitizer's instrumentation but not linked with its runtime: the
# functions it calls are the checker's (shadow.c).

MODEL_DIR := .build-model
MODEL_BIN := $(MODEL_DIR)/martlet-model
# The core without what asks the system (env, barrier, memory, status: the checker's own) and without names (liburcu).
MODEL_CORE ?= CSources/CMartlet
MODEL_LEFT_OUT := env barrier memory status names intern global_executor chaos throw_site breadcrumb symbol_table
MODEL_CORE_SRC := $(filter-out $(MODEL_LEFT_OUT:%=$(MODEL_CORE)/src/%.c),$(sort $(wildcard $(MODEL_CORE)/src/*.c)))
MODEL_ENGINE_SRC := $(sort $(wildcard CSources/model/*.c))
MODEL_PROGRAM_SRC := $(sort $(wildcard CSources/model/programs/*.c))
MODEL_OBJ := $(MODEL_CORE_SRC:$(MODEL_CORE)/src/%.c=$(MODEL_DIR)/core/%.o) \
    $(MODEL_ENGINE_SRC:CSources/model/%.c=$(MODEL_DIR)/engine/%.o) \
    $(MODEL_PROGRAM_SRC:CSources/model/programs/%.c=$(MODEL_DIR)/programs/%.o)

# Small rings and magazines: their edges are reached in few steps.
MODEL_SIZES := -DMT_BATCH=2 -DMT_RING_SIZE=4u -DMT_NURSERY_SIZE=2u -DMT_STALLED_MAX=2u
MODEL_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE= -DMT_MODEL -DMT_CHECKED -DMT_POISON_NODES \
    $(MODEL_SIZES) -fno-pie -fno-omit-frame-pointer -fno-stack-protector -MMD -MP \
    -I$(MODEL_CORE)/include -I$(MODEL_CORE)/src -ICSources/model -ICSources/model/programs
MODEL_PLAIN := -fsanitize=thread -mllvm -tsan-instrument-atomics=0 -mllvm -tsan-instrument-func-entry-exit=0
MODEL_WRAPPED := malloc calloc realloc free aligned_alloc pthread_mutex_init pthread_mutex_lock pthread_mutex_trylock \
    pthread_mutex_unlock pthread_key_create pthread_setspecific \
    mt_submit mt_submit_last mt__region_take_slow mt__region_give_slow
MODEL_LDFLAGS := -no-pie -pthread $(MODEL_WRAPPED:%=-Wl,--wrap=%)

$(MODEL_BIN): $(MODEL_OBJ)
	@echo "link $@"
	@$(CC) $(MODEL_OBJ) $(MODEL_LDFLAGS) -o $@

$(MODEL_DIR)/core/%.o: $(MODEL_CORE)/src/%.c Makefile CSources/model/model.mk
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(MODEL_CFLAGS) $(MODEL_PLAIN) -c $< -o $@

$(MODEL_DIR)/programs/%.o: CSources/model/programs/%.c Makefile CSources/model/model.mk
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(MODEL_CFLAGS) $(MODEL_PLAIN) -c $< -o $@

$(MODEL_DIR)/engine/%.o: CSources/model/%.c Makefile CSources/model/model.mk
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(MODEL_CFLAGS) -c $< -o $@

-include $(wildcard $(MODEL_OBJ:.o=.d))

# --- Verbs -----------------------------------------------------------------------------------------------------------
# BOUND=n         preemptions in place of each program's own
# PROGRAM=name    the programs whose names begin so
# SEED=n          random schedules instead of all (EXECUTIONS=n a program)
# MUTANT=name     builds that mutant of the core and runs the program that must fail
BOUND ?=
PROGRAM ?=
SEED ?=
EXECUTIONS ?=
MUTANT ?=
MODEL_ARGS = $(if $(BOUND),--bound $(BOUND)) $(if $(PROGRAM),--only $(PROGRAM)) $(if $(SEED),--random $(SEED)) \
    $(if $(EXECUTIONS),--executions $(EXECUTIONS))

.PHONY: model mutants spin

spin:
	@CSources/model/spin.sh

mutants: deps
	@$(MAKE) -s $(MODEL_BIN)
	@CC=$(CC) BOUND=$(BOUND) CSources/model/mutants.sh $(MUTANT)

ifeq ($(MUTANT),)
model: deps
	@$(MAKE) -s $(MODEL_BIN)
	./$(MODEL_BIN) $(MODEL_ARGS)
else
model: deps
	@$(MAKE) -s $(MODEL_BIN)
	@CC=$(CC) BOUND=$(BOUND) CSources/model/mutants.sh --show $(MUTANT)
endif
