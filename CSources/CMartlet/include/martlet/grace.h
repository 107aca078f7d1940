// SPDX-License-Identifier: Apache-2.0
// Grace: read sections, and when the memory that a reader might still look at may be freed. For tables that many read
// and few change, whose entries are values of the program (Registry): they must be ended, so they cannot be
// type-stable like slots. What waits to be freed is kept by who removed it; here is only the question "may I?".
//
//      reader                                 remover
//        reading := ticket   (exchange, sc)     word := without the entry  (sc)
//        word                (load, sc)         t := ticket++              (release)
//        ... the entry ...                      every reading > t, or 0?   (loads, sc): free the entry
//        reading := 0        (release)          else: ask again later
//
// Why it is correct. A reader that shows a ticket above t has loaded it after the increment, so it sees the word
// without the entry. One that shows t or less is waited for. One that shows 0 where the remover looks: its exchange
// comes after that look, so its load of the word comes after the remover's store (the Dekker pair of sc operations),
// and it does not find the entry. What a reader did with an entry happens before its release, and so before the free.
//
// Contract. Sections nest: user code that compares keys may look something up itself. They may be left on the thread
// that entered them alone, and a section that lasts delays frees, nothing else: nobody waits for readers. Every word
// that leads to what is removed is stored and loaded sc.
//
// Not liburcu: a section of its public functions costs 13 ns and more, its grace periods sleep or need a thread, and
// ThreadSanitizer sees neither. Documentation/adr/0017-registry-lookups.md, Documentation/design/grace.md.
#ifndef MARTLET_GRACE_H
#define MARTLET_GRACE_H

#include "status.h"
#include "thread.h"

// With nothing else on its line, wherever that begins: readers load it, removers count.
typedef struct mt_grace {
    unsigned char before[MT_CACHE_LINE];
    mt_a64_t ticket;    // from 1
    mt_a64_t anonymous; // readers without a thread record: memory was out
    unsigned char behind[MT_CACHE_LINE];
} mt_grace_t;

extern mt_grace_t mt_grace;

// What mt_grace_leave must be told.
#define MT_GRACE_OUTERMOST UINT64_C(0)
#define MT_GRACE_ANONYMOUS UINT64_MAX

uint64_t mt__grace_enter_anonymous(void);
void mt__grace_leave_anonymous(void);

// Begins a read section. Any thread, wait-free but for a thread's first use of the core.
static inline uint64_t mt_grace_enter(void) {
    mt_thread_t *thread = mt_thread_self();
    if (MT_UNLIKELY(!thread)) return mt__grace_enter_anonymous();
    // relaxed: this thread's own word.
    uint64_t outer = mt_a64_load_rlx(&thread->reading);
    // acquire: pairs with the increment in mt_grace_retire: who has its ticket sees what was removed before.
    // sc: the first half of the pair {reading; words that lead to entries} against the remover's {word; reading}.
    if (MT_LIKELY(!outer)) mt_a64_xchg_sc(&thread->reading, mt_a64_load_acq(&mt_grace.ticket));
    return outer;
}

// Ends it, with what enter returned. The thread that entered.
static inline void mt_grace_leave(uint64_t outer) {
    // Swift's optimiser takes a store for something that cannot end an object, and moves the retain of what was found
    // behind it. Not behind this.
    __asm__ volatile("" ::: "memory");
    // release: the reader is done with what it saw; pairs with the load in mt_grace_oldest.
    if (MT_LIKELY(outer == MT_GRACE_OUTERMOST)) mt_a64_store_rel(&mt_thread_current->reading, 0);
    else if (outer == MT_GRACE_ANONYMOUS) mt__grace_leave_anonymous();
}

// The ticket of what was just made unreachable, by sc stores. It may be freed when mt_grace_oldest says more. Any
// thread.
uint64_t mt_grace_retire(void);

// The least ticket of all readers inside, UINT64_MAX: none is. Any thread; as many loads as there ever were threads.
uint64_t mt_grace_oldest(void);

#endif
