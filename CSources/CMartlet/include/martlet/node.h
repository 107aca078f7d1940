// SPDX-License-Identifier: Apache-2.0
// The message node: what a mailbox queues. A header, then the payload inline; a node comes from the pool of its size
// class (pool.h) and is freed once, by the owner of the mailbox it was pushed to.
#ifndef MARTLET_NODE_H
#define MARTLET_NODE_H

#include "atomic.h"
#include "status.h"

// What a message is to the slice loop.
typedef enum __attribute__((enum_extensibility(closed))) mt_kind {
    MT_KIND_INIT MT_SWIFT("initialise"),       // the first message of an incarnation
    MT_KIND_CALL MT_SWIFT("call"),             // user: answered through a reply slot
    MT_KIND_CAST MT_SWIFT("cast"),             // user
    MT_KIND_MESSAGE MT_SWIFT("message"),       // user: the declared Message type
    MT_KIND_UNEXPECTED MT_SWIFT("unexpected"), // user: any other value
    MT_KIND_TICK MT_SWIFT("tick"),             // user: a message of a repeated timer
    MT_KIND_TIMEOUT MT_SWIFT("timeout"),       // idle time passed; reply.word holds the arming's number
    MT_KIND_STOP MT_SWIFT("stop"),             // system: stop with a reason
    MT_KIND_SIGNAL MT_SWIFT("signal"),         // system: `reply` hears of the end; the core's own
    MT_KIND_EXIT MT_SWIFT("exit"),             // system: an exit signal that is trapped (mt_news_t)
    MT_KIND_DOWN MT_SWIFT("down"),             // system: a process that was watched has ended (mt_news_t)
    MT_KIND_COMMAND MT_SWIFT("command"),       // of the system lane, never in a mailbox (system.h)
} mt_kind_t;

// How to end a payload without knowing its type. One constant per kind of payload, never freed; or, with MT_OPS_TYPE
// set in its address, a type of the language above, which the hooks know how to end and measure (mt_payload_*,
// hooks.h).
#define MT_OPS_TYPE 1u
typedef struct mt_payload_ops {
    // Ends the value at payload. Runs user code: never under a lock or in a read section.
    void (*destroy)(const struct mt_payload_ops *ops, void *payload);
    void *context;       // what destroy needs to know of the type
    const char *name;    // the type, for reports
    uint32_t size;       // bytes of the payload as it lies in a node (a boxed one is a pointer)
    uint32_t is_trivial; // destroy has nothing to do
} mt_payload_ops_t;

// `flags` of a node.
#define MT_NODE_CREDIT 1u // holds one credit of its generation (credit.h)
#define MT_NODE_ALIAS 2u  // came through an alias, whose number is `spare` (alias.h)

#define MT_NODE_HEADER 40
#define MT_NODE_ALIGNMENT 64

//   0        8        16       24     28     32    33     34     36    40
//   +--------+--------+--------+------+------+-----+------+------+-----+----------
//   | next   | ops    | reply  | gen  | tick | kind| class| flags|spare| payload...
//   +--------+--------+--------+------+------+-----+------+------+-----+----------
typedef struct mt_node {
    mt_aptr_t next;              // the queue's link; written by the pusher of the successor
    const mt_payload_ops_t *ops; // NULL: the payload needs no end
    uint64_t reply;              // a call: its reply slot {generation:32 | index:32}; else free for the kind
    uint32_t generation;         // of the target; other incarnations dead-letter it
    uint32_t tick;               // coarse clock when it was sent, ms
    uint8_t kind;                // mt_kind_t
    uint8_t size_class;          // of the pool it came from; owned by pool.h
    uint16_t flags;
    uint32_t spare; // see MT_NODE_ALIAS
    unsigned char payload[];
} mt_node_t;

_Static_assert(offsetof(mt_node_t, payload) == MT_NODE_HEADER, "the header is 40 bytes");

// Where the payload of a node begins. 8-aligned.
static inline void *mt_node_payload(mt_node_t *node) { return node->payload; }

#endif
