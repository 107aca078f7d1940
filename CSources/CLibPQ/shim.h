// SPDX-License-Identifier: Apache-2.0
// PostgreSQL's client library, for MartletPostgreSQL. Where its header is, pkg-config says.
#ifndef MARTLET_CLIBPQ_SHIM_H
#define MARTLET_CLIBPQ_SHIM_H

#include <libpq-fe.h>

#endif
