/* SPDX-License-Identifier: BSD-3-Clause */
#include "substrate/memif_listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "mp/unix_path.h"

static bool peer_allowed(const struct lm_memif_listener *l, int sock)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (l->uid == (uid_t)-1)
		return true;
	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == l->uid;
}

int64_t memif_clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void start_period(struct lm_memif_listener *l)
{
	struct timeval period = {.tv_usec = MEMIF_PERIOD_MS * 1000};

	if (!event_pending(l->period_ev, EV_TIMEOUT, NULL))
		event_add(l->period_ev, &period);
}

static void hear_all(const struct lm_memif_listener *l, bool hear)
{
	for (struct memif_conn *c = memif_conn_next(l, NULL); c != NULL; c = memif_conn_next(l, c))
		memif_conn_hear(c, hear);
}

void memif_listener_charge(struct lm_memif_listener *l, int64_t since_us)
{
	l->spent_us += memif_clock_us(CLOCK_THREAD_CPUTIME_ID) - since_us;
	start_period(l);
	if (l->spent_us <= MEMIF_SPENT_MAX_US || l->paused)
		return;
	l->paused = true;
	event_del(l->accept_ev);
	hear_all(l, false);
}

static void on_period(evutil_socket_t fd, short what, void *arg)
{
	struct lm_memif_listener *l = arg;

	(void)fd;
	(void)what;
	l->accepts = 0;
	l->spent_us = l->spent_us > MEMIF_REPAID_US ? l->spent_us - MEMIF_REPAID_US : 0;
	if (l->spent_us > 0)
		start_period(l);
	if (l->spent_us > MEMIF_SPENT_MAX_US)
		return;
	if (l->paused)
		hear_all(l, true);
	l->paused = false;
	event_add(l->accept_ev, NULL);
}

/* A peer that connects in a loop, or a lack of descriptors, must not keep the control thread busy:
 * what waits in the socket's queue waits for the next period. */
static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct lm_memif_listener *l = arg;
	int64_t since_us = memif_clock_us(CLOCK_THREAD_CPUTIME_ID);

	(void)what;
	start_period(l);
	if (memif_closer_backlog(l->closer) >= MEMIF_BACKLOG_MAX) {
		event_del(l->accept_ev);
		return;
	}
	l->accepts++;
	int sock = accept4((int)fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (l->accepts >= MEMIF_ACCEPTS_MAX || (sock < 0 && errno != EAGAIN && errno != EINTR))
		event_del(l->accept_ev);
	if (sock < 0)
		return;
	if (!peer_allowed(l, sock) || l->half_open >= MEMIF_HALF_OPEN_MAX)
		memif_closer_put(l->closer, sock);
	else
		memif_conn_new(l, sock);
	memif_listener_charge(l, since_us);
}

static int open_socket(const char *path, uid_t uid, gid_t gid, struct lm_err *err)
{
	struct sockaddr_un sa;

	if (lm_unix_addr(&sa, path, err) < 0 || lm_unix_claim(path, err) < 0)
		return -err->code;
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return lm_err_errno(err, errno, "memif: cannot open a socket");
	/* A peer that slips in before the mode is set is still asked for its uid. */
	if (bind(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, 0600) < 0 ||
		((uid != (uid_t)-1 || gid != (gid_t)-1) && lchown(path, uid, gid) < 0) ||
		listen(sock, MEMIF_HALF_OPEN_MAX) < 0) {
		int code = errno;
		close(sock);
		return lm_err_errno(err, code, "memif: cannot listen at %s", path);
	}
	return sock;
}

struct lm_memif_listener *lm_memif_listen(
	struct event_base *base, const char *path, uid_t uid, gid_t gid, struct lm_err *err)
{
	struct lm_memif_listener *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		lm_err_set(err, ENOMEM, "memif: out of memory");
		return NULL;
	}
	l->base = base;
	l->uid = uid;
	TAILQ_INIT(&l->vifs);
	TAILQ_INIT(&l->conns);
	l->sock = open_socket(path, uid, gid, err);
	if (l->sock < 0) {
		free(l);
		return NULL;
	}
	l->path = strdup(path);
	l->closer = memif_closer_new();
	l->accept_ev = event_new(base, l->sock, EV_READ | EV_PERSIST, on_accept, l);
	l->period_ev = evtimer_new(base, on_period, l);
	if (l->path == NULL || l->closer == NULL || l->accept_ev == NULL || l->period_ev == NULL ||
		event_add(l->accept_ev, NULL) < 0) {
		lm_err_set(err, ENOMEM, "memif: cannot listen at %s: out of memory", path);
		lm_memif_listener_free(l);
		return NULL;
	}
	return l;
}

void lm_memif_listener_free(struct lm_memif_listener *l)
{
	struct memif_conn *c;
	struct lm_memif *m;

	if (l == NULL)
		return;
	while ((c = TAILQ_FIRST(&l->conns)) != NULL)
		memif_conn_close(c, "listener removed");
	while ((m = TAILQ_FIRST(&l->vifs)) != NULL) {
		TAILQ_REMOVE(&l->vifs, m, entry);
		m->listener = NULL;
	}
	if (l->accept_ev != NULL)
		event_free(l->accept_ev);
	if (l->period_ev != NULL)
		event_free(l->period_ev);
	/* peers that were never accepted may have sent descriptors, too */
	if (l->closer != NULL)
		memif_closer_put(l->closer, l->sock);
	else
		close(l->sock);
	memif_closer_end(l->closer);
	if (l->path != NULL)
		unlink(l->path);
	free(l->path);
	free(l);
}
