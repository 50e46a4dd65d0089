/* SPDX-License-Identifier: BSD-3-Clause */
/* Unix socket addresses with the length rule checked. */
#ifndef LM_MP_UNIX_PATH_H
#define LM_MP_UNIX_PATH_H

#include <sys/un.h>

#include "mp/err.h"

/** Fill `sa` from `path`. -ENAMETOOLONG when it is over 107 octets (sun_path less its NUL). */
int lm_unix_addr(struct sockaddr_un *sa, const char *path, struct lm_err *err);

/**
 * Make `path` free for bind(): a socket nobody listens on is removed. -EADDRINUSE when a process
 * listens there, -EEXIST when the path is something else than a socket.
 */
int lm_unix_claim(const char *path, struct lm_err *err);

#endif
