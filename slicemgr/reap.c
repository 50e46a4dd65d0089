/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/reap.h"

#include <sys/wait.h>

#include "slicemgr/substrate_proc.h"

static bool is_watched(const struct node *node, pid_t pid)
{
	const struct slice *slice;

	if (pid == substrate_proc_pid(node->substrate))
		return true;
	TAILQ_FOREACH (slice, &node->slices, next)
		for (unsigned int i = 0; i < slice->n_slivers; i++)
			if (slice->slivers[i].pid == pid)
				return true;
	return false;
}

void reap_orphans(const struct node *node)
{
	for (;;) {
		siginfo_t info = {0};

		/* one that is watched hides those behind it until its watcher has reaped it */
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
			is_watched(node, info.si_pid))
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}
