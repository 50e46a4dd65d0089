/* SPDX-License-Identifier: BSD-3-Clause */
/* The user namespace of a sliver, made so that no other sliver or the host shares its counts. */
#ifndef LM_SLICEMGR_CONTAINER_USERNS_H
#define LM_SLICEMGR_CONTAINER_USERNS_H

#include <stdint.h>
#include <sys/types.h>

#include "mp/err.h"

/** A user namespace that lives as long as the process that holds it, or a process joined it. */
struct lm_userns {
	pid_t holder;
	int hold_fd;   /* closing it ends the holder */
	char path[64]; /* /proc/PID/ns/user, valid until lm_userns_release() */
};

/**
 * Make a user namespace that maps its ids 0..65535 to `uid_base`... and is *owned* by host uid
 * `uid_base`. The kernel charges inotify instances, pending signals, message queues and the like to
 * the owner of a namespace as well: were that root, as when runc makes it, one sliver could use up
 * what all others and the host's root have.
 */
int lm_userns_make(uint32_t uid_base, struct lm_userns *ns, struct lm_err *err);

/** End the holder. The namespace stays while a container is in it. */
void lm_userns_release(struct lm_userns *ns);

#endif
