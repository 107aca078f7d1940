// SPDX-License-Identifier: Apache-2.0
// The mailbox and its schedule protocol once more, written by hand for Spin: a second opinion on the protocol, not on
// the code (mailbox.h), and under sequential consistency. Two senders, two messages each, one poke, one worker at a
// time; `head` is {node, idle, signal}, as in mailbox.h. Run by `make spin`; each mutant must give an error:
//
//     -DNO_RELEASE_CAS   the process is given back by load and store
//     -DNO_SIGNAL        a poke of a busy process leaves no SIGNAL
#define SENDERS 2
#define EACH 2
#define NODES 4 /* SENDERS * EACH; node 0 is the stub */
#define NONE 255

byte head = 0;          /* last node */
bool idle = true;
bool signal = false;
byte next[NODES + 1] = NONE;
byte tail = 0;          /* the owner's */
bool queued = false;    /* in the run queue */
byte owners = 0;
byte handled = 0;
bool is_freed[NODES + 1] = false;
byte life = 0;          /* 1: a signal was sent */
bool saw = false;
byte finished = 0;

inline submit() {
    assert(!queued && owners == 0);
    queued = true;
}

proctype sender(byte first) {
    byte i = 0, node, previous;
    bool was_idle;
    do
    :: i < EACH ->
        node = first + i;
        next[node] = NONE;
        atomic { /* the exchange */
            previous = head; was_idle = idle;
            head = node; idle = false; signal = false
        }
        assert(!is_freed[previous]);
        next[previous] = node;
        if
        :: was_idle -> submit()
        :: else
        fi;
        i++
    :: else -> break
    od;
    finished++
}

proctype poker() {
    life = 1;
    atomic {
        if
        :: idle -> idle = false; submit()
#ifndef NO_SIGNAL
        :: else -> signal = true
#else
        :: else
#endif
        fi
    }
    finished++
}

proctype worker() {
    byte node, old;
    bool swapped;
end:
    do
    :: atomic { queued -> queued = false; owners++; assert(owners == 1) }
        do
        :: node = next[tail];
            if
            :: node != NONE ->
                old = tail; tail = node;
                if
                :: old != 0 -> is_freed[old] = true
                :: else
                fi;
                if
                :: life == 1 -> saw = true
                :: else
                fi;
                handled++
            :: else ->
                if
                :: life == 1 -> saw = true
                :: else
                fi;
                old = tail;
                if
                :: old != 0 -> next[0] = NONE; tail = 0
                :: else
                fi;
#ifndef NO_RELEASE_CAS
                atomic {
                    swapped = (head == old && !signal && !idle);
                    if
                    :: swapped -> head = 0; idle = true; owners--
                    :: else
                    fi
                }
#else
                swapped = (head == old && !signal && !idle);
                if
                :: swapped -> atomic { head = 0; idle = true; owners-- }
                :: else
                fi;
#endif
                if
                :: swapped ->
                    if
                    :: old != 0 -> is_freed[old] = true
                    :: else
                    fi;
                    break
                :: else ->
                    tail = old;
                    atomic { /* LOOK: SIGNAL off; else a link is awaited */
                        if
                        :: head == old && signal -> signal = false
                        :: else -> next[tail] != NONE
                        fi
                    }
                fi
            fi
        od
    od
}

active proctype check() {
    (finished == SENDERS + 1 && !queued && owners == 0 && idle);
    assert(handled == NODES && saw && head == 0 && tail == 0)
}

init {
    atomic {
        run sender(1);
        run sender(1 + EACH);
        run poker();
        run worker()
    }
}
