// SPDX-License-Identifier: Apache-2.0
// The C core of Martlet, all of it.
#ifndef MARTLET_H
#define MARTLET_H

#include "alias.h"
#include "atomic.h"
#include "barrier.h"
#include "breadcrumb.h"
#include "call.h"
#include "credit.h"
#include "cycle.h"
#include "deterministic.h"
#include "env.h"
#include "global_executor.h"
#include "hooks.h"
#include "mailbox.h"
#include "names.h"
#include "node.h"
#include "phase.h"
#include "pool.h"
#include "process.h"
#include "region.h"
#include "reply.h"
#include "report.h"
#include "request.h"
#include "runtime.h"
#include "slice.h"
#include "slot.h"
#include "stats.h"
#include "status.h"
#include "system.h"
#include "thread.h"
#include "throw_site.h"
#include "tie.h"
#include "timed.h"
#include "timer.h"

#endif
