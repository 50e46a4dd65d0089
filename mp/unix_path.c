/* SPDX-License-Identifier: BSD-3-Clause */
#include "mp/unix_path.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mp/cleanup.h"

int lm_unix_addr(struct sockaddr_un *sa, const char *path, struct lm_err *err)
{
	size_t len = strlen(path);

	if (len >= sizeof(sa->sun_path))
		return lm_err_set(err, ENAMETOOLONG,
			"socket path %s: %zu octets, at most %zu are allowed", path, len,
			sizeof(sa->sun_path) - 1);
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	memcpy(sa->sun_path, path, len + 1);
	return 0;
}

int lm_unix_claim(const char *path, struct lm_err *err)
{
	lm_cleanup_close int fd = -1;
	struct sockaddr_un sa;
	struct stat st;
	int rc;

	rc = lm_unix_addr(&sa, path, err);
	if (rc < 0)
		return rc;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : lm_err_errno(err, errno, "socket %s", path);
	if (!S_ISSOCK(st.st_mode))
		return lm_err_set(err, EEXIST, "%s exists and is not a socket; remove it", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return lm_err_errno(err, errno, "socket");
	/* EPROTOTYPE: it listens, but for another type of socket (memif's SEQPACKET) */
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 || errno == EAGAIN ||
		errno == EPROTOTYPE)
		return lm_err_set(err, EADDRINUSE,
			"socket %s is busy: another process listens on it; stop that one first",
			path);
	if (unlink(path) < 0)
		return lm_err_errno(err, errno, "socket %s: cannot remove the stale one", path);
	return 0;
}
