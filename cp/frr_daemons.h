/* SPDX-License-Identifier: BSD-3-Clause */
/* FRR's daemons that may run in a sliver, and how each is started. */
#ifndef LM_CP_FRR_DAEMONS_H
#define LM_CP_FRR_DAEMONS_H

#include <stdbool.h>

#define FRR_DAEMON_NAMES                                                                          \
	"zebra staticd ospfd ospf6d bgpd isisd ripd ripngd bfdd pimd babeld eigrpd fabricd pbrd " \
	"vrrpd"

#define FRR_BIN_DIR "/usr/lib/frr"
#define FRR_VTYSH   "/usr/bin/vtysh"
#define FRR_ETC_DIR "/etc/frr"
#define FRR_RUN_DIR "/run/frr"
#define FRR_CONF    "/etc/frr/frr.conf"
/* what each daemon reads itself: only what must be early */
#define FRR_START_DIR "/etc/frr/start"

#define FRR_ARGS_MAX 24

/** True when `name` is one of FRR_DAEMON_NAMES. */
bool frr_daemon_known(const char *name);

/**
 * The command line of daemon `name` in the foreground. `buf` (of `size` octets) backs the strings
 * of `argv`, which ends with NULL. `profile` is FRR's defaults profile or NULL, `zserv` the path of
 * zebra's socket for the daemons or NULL for the stock one.
 */
void frr_daemon_argv(const char *name, const char *profile, const char *zserv,
	const char *argv[FRR_ARGS_MAX], char *buf, unsigned long size);

/** What daemon `name` reads at its start ("" when nothing). */
const char *frr_daemon_start_config(const char *name);

#endif
