// SPDX-License-Identifier: Apache-2.0
// What the core uses of liburcu (adr/0003): read sections of urcu-bp and the hash table cds_lfht.
#ifndef MARTLET_CURCU_SHIM_H
#define MARTLET_CURCU_SHIM_H

#include <urcu/urcu-bp.h>

#include <urcu/rculfhash.h>

#endif
