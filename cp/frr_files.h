/* SPDX-License-Identifier: BSD-3-Clause */
/* The files and directories that FRR needs before and between its daemons' lives. */
#ifndef LM_CP_FRR_FILES_H
#define LM_CP_FRR_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "cp/sliver_conf.h"
#include "mp/err.h"

/**
 * Make FRR's directories, its start files and frr.conf from `conf`, all owned by user frr. Fails
 * with a sentence when the container lacks something (the user frr, /var/run being /run).
 */
int frr_files_make(const struct sliver_conf *conf, struct lm_err *err);

/** Remove what a dead daemon left that could mislead: its vty socket and its crash buffers. */
void frr_files_clean(const char *daemon, pid_t pid);

/** True when `daemon`'s vty socket takes connections: then all its sockets do. */
bool frr_vty_listens(const char *daemon);

/** True when zebra says that its version begins with `version`. Runs it: some 10 ms. */
bool frr_version_is(const char *version);

/** The profile that a "frr defaults X" line of `config` names, else NULL (static strings). */
const char *frr_config_profile(const char *config);

#endif
