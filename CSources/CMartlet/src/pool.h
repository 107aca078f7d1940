// SPDX-License-Identifier: Apache-2.0
// What thread.c needs of the pool.
#ifndef MARTLET_SRC_POOL_H
#define MARTLET_SRC_POOL_H

#include "martlet/pool.h"

// Gives the node magazines of a thread back: full batches to the depots, the rest to the slabs. Owner; blocks briefly.
void mt__pool_flush(mt_thread_t *thread);

#endif
