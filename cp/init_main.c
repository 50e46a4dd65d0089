/* SPDX-License-Identifier: BSD-3-Clause */
/* lamina-init [--bin-dir DIR]: pid 1 of a sliver (docs/control-plane.md). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <event2/event.h>

#include "cp/init.h"
#include "cp/sliver.h"
#include "mp/log.h"

static const char *read_args(int argc, char **argv)
{
	static const struct option options[] = {
		{"bin-dir", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
	const char *bin_dir = LM_SLIVER_BIN_DIR;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'b')
			exit(2);
		bin_dir = optarg;
	}
	if (optind < argc) {
		fprintf(stderr, "usage: lamina-init [--bin-dir DIR]\n");
		exit(2);
	}
	return bin_dir;
}

int main(int argc, char **argv)
{
	const char *bin_dir = read_args(argc, argv);
	static struct init init;
	struct lm_err err = {0};
	int status = 0;

	lm_log_init("lamina-init");
	signal(SIGPIPE, SIG_IGN);
	/* orphans of a child come to us, so that they are reaped, also when we are not pid 1 */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (sliver_conf_load(&init.conf, LM_SLIVER_CONF, &err) < 0) {
		lm_error("%s", err.msg);
		return 1;
	}
	init.base = event_base_new();
	if (init.base == NULL) {
		lm_error("cannot make an event loop");
		return 1;
	}
	init.fp.tap_sock = init.fp.child_sock = -1;
	if (init_start(&init, bin_dir, &err) < 0) {
		lm_error("%s", err.msg);
		status = 1;
	} else if (event_base_dispatch(init.base) < 0) {
		lm_error("the event loop failed");
		status = 1;
	}
	init_fini(&init);
	event_base_free(init.base);
	return status;
}
