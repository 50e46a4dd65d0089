/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/frr_daemons.h"

#include <stdio.h>
#include <string.h>

bool frr_daemon_known(const char *name)
{
	const char *all = " " FRR_DAEMON_NAMES " ";
	char want[32];

	if (strlen(name) == 0 || strlen(name) > 15 || strchr(name, ' ') != NULL)
		return false;
	snprintf(want, sizeof(want), " %s ", name);
	return strstr(all, want) != NULL;
}

void frr_daemon_argv(const char *name, const char *profile, const char *zserv,
	const char *argv[FRR_ARGS_MAX], char *buf, unsigned long size)
{
	/* -K: at a restart zebra keeps its kernel routes so long, until the daemons have sent them
	 * again. -s: netlink buffer, so that a full table does not overrun it. --v6-rr-semantics:
	 * an IPv6 route is replaced in the kernel, not deleted and added. */
	static const char *const zebra_only[] = {
		"-M", "dplane_fpm_nl", "-K", "60", "-s", "90000000", "--v6-rr-semantics"};
	int path_len = snprintf(buf, size, FRR_BIN_DIR "/%s", name) + 1;
	unsigned int n = 0;

	snprintf(buf + path_len, size - (unsigned long)path_len, FRR_START_DIR "/%s.conf", name);
	argv[n++] = buf;
	argv[n++] = "-A"; /* the telnet door on loopback only, as Debian does */
	argv[n++] = "127.0.0.1";
	/* explicit: without it a daemon reads nothing, or the whole frr.conf */
	argv[n++] = "-f";
	argv[n++] = buf + path_len;
	argv[n++] = "--log";
	argv[n++] = "stdout";
	argv[n++] = "--log-level";
	argv[n++] = "informational";
	/* FRR sizes tables by the descriptor limit, which may be a million */
	argv[n++] = "--limit-fds";
	argv[n++] = "4096";
	if (profile != NULL) {
		argv[n++] = "-F";
		argv[n++] = profile;
	}
	if (strcmp(name, "zebra") == 0)
		for (unsigned int i = 0; i < sizeof(zebra_only) / sizeof(zebra_only[0]); i++)
			argv[n++] = zebra_only[i];
	if (strcmp(name, "zebra") == 0 && zserv != NULL) {
		argv[n++] = "-z";
		argv[n++] = zserv;
	}
	argv[n] = NULL;
}

const char *frr_daemon_start_config(const char *name)
{
	if (strcmp(name, "zebra") == 0)
		return "no fpm use-next-hop-groups\n"
		       "fpm address 127.0.0.1\n";
	/* the last route of every replay over FPM: how the FP knows that a replay is complete */
	if (strcmp(name, "staticd") == 0)
		return "ipv6 route feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 Null0\n";
	return "";
}
