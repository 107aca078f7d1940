// SPDX-License-Identifier: Apache-2.0
// Names are not modelled: they lie in liburcu's hash table. No program registers one.
#include "martlet/names.h"

#include "martlet/status.h"

mt_status_t mt_names_create(bool (*is_alive)(uint64_t pid), mt_names_t **names) {
    (void)is_alive;
    *names = NULL;
    return MT_OK;
}
void mt_names_destroy(mt_names_t *names) { (void)names; }
mt_status_t mt_names_register(mt_names_t *names, const mt_name_t *name, uint64_t pid, uint64_t *holder) {
    (void)names, (void)name, (void)pid, (void)holder;
    MT_FATAL("a program registers a name");
}
bool mt_names_unregister(mt_names_t *names, const mt_name_t *name, uint64_t pid) {
    (void)names, (void)name, (void)pid;
    return false;
}
