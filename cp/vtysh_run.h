/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives /etc/frr/frr.conf to FRR's daemons by vtysh, with a time-out, and collects complaints. */
#ifndef LM_CP_VTYSH_RUN_H
#define LM_CP_VTYSH_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <jansson.h>

#define VTYSH_OUTPUT_MAX 65536

struct event;
struct event_base;

struct vtysh_run {
	struct event_base *base;
	struct event *output, *timeout;
	int pipe_fd;
	pid_t pid; /* 0: none runs */
	bool timed_out;
	unsigned int timeout_s;
	size_t len;
	char text[VTYSH_OUTPUT_MAX];
	/** Called when vtysh has ended. `errors`: new reference, an array of texts. */
	void (*done)(void *ctx, json_t *errors);
	void *ctx;
};

/** Prepare (zeroed `run`). 0 or -ENOMEM. */
int vtysh_run_init(struct vtysh_run *run, struct event_base *base,
	void (*done)(void *ctx, json_t *errors), void *ctx);

/** Start `vtysh -b` for `daemon` (NULL: all that run). One at a time. 0 or a negative errno. */
int vtysh_run_start(struct vtysh_run *run, const char *daemon, unsigned int timeout_s);

/** The reaper saw run->pid end with wait status `status`. */
void vtysh_run_exited(struct vtysh_run *run, int status);

/** Kill it if it runs, release everything. */
void vtysh_run_fini(struct vtysh_run *run);

/** The complaints in vtysh's NUL-terminated output `text` (`len` octets): a new array of texts, one
 * a line. */
json_t *vtysh_errors(const char *text, size_t len);

#endif
