/* SPDX-License-Identifier: BSD-3-Clause */
/* lamina-slicemgr: one a node. Started by `lamina node up` or a service manager. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/thread.h>

#include "mp/log.h"
#include "slicemgr/agent_call.h"
#include "slicemgr/node.h"

#define EXIT_USAGE 2

static void usage(FILE *out)
{
	fputs("usage: lamina-slicemgr --config FILE [--ready-fd N]\n\n"
	      "  --config FILE   the node's configuration\n"
	      "  --ready-fd N    write \"ready NODE\" or \"error WHY\" to descriptor N when that "
	      "is\n"
	      "                  known, and log to slicemgr.log in the run directory\n",
		out);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"ready-fd", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *config = NULL;
	struct event_base *base;
	struct lm_err err = {0};
	struct node *node;
	int ready_fd = -1, c, code;

	lm_log_init("lamina-slicemgr");
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'c') {
			config = optarg;
		} else if (c == 'r') {
			ready_fd = (int)strtol(optarg, NULL, 10);
		} else {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
		}
	}
	if (config == NULL || optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	/* whatever the caller's: others read what is made, and nobody else writes it */
	umask(022);
	/* containers become children, so that their ends leave no zombies */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	node = calloc(1, sizeof(*node));
	base = agent_call_init() == 0 ? event_base_new() : NULL;
	if (base == NULL || node == NULL) {
		lm_error("out of memory");
		free(node);
		return EXIT_FAILURE;
	}
	if (ready_fd >= 0)
		fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
	if (node_start(node, base, config, ready_fd, &err) < 0) {
		if (ready_fd >= 0)
			dprintf(ready_fd, "error %s\n", err.msg);
		else
			lm_error("%s", err.msg);
		return EXIT_FAILURE;
	}
	if (chdir("/") < 0)
		lm_warning("cannot leave the working directory");
	event_base_dispatch(base);
	code = node->exit_code;
	node_free(node);
	event_base_free(base);
	free(node);
	return code;
}
