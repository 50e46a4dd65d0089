/* SPDX-License-Identifier: BSD-3-Clause */
/* The memif back-end: one listener a sliver socket, shared by the sliver's vifs. */
#include "substrate/vif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "mp/log.h"

/* Listeners by path, counted; the control thread's alone. */
struct memif_listener {
	LIST_ENTRY(memif_listener) next;
	struct lm_memif_listener *l;
	char *path;
	uid_t uid;
	gid_t gid;
	unsigned int users;
};

static LIST_HEAD(, memif_listener) listeners = LIST_HEAD_INITIALIZER(listeners);

static void listener_put(struct memif_listener *ml)
{
	if (--ml->users > 0)
		return;
	LIST_REMOVE(ml, next);
	lm_memif_listener_free(ml->l);
	free(ml->path);
	free(ml);
}

static struct memif_listener *listener_get(
	struct event_base *base, const char *path, uid_t uid, gid_t gid, struct lm_err *err)
{
	struct memif_listener *ml;

	LIST_FOREACH (ml, &listeners, next) {
		if (strcmp(ml->path, path) != 0)
			continue;
		if (ml->uid != uid || ml->gid != gid) {
			lm_err_set(err, EINVAL, "socket %s: already there for uid %u gid %u", path,
				(unsigned int)ml->uid, (unsigned int)ml->gid);
			return NULL;
		}
		ml->users++;
		return ml;
	}
	ml = calloc(1, sizeof(*ml));
	if (ml == NULL || (ml->path = strdup(path)) == NULL) {
		free(ml);
		lm_err_set(err, ENOMEM, "socket %s: out of memory", path);
		return NULL;
	}
	ml->l = lm_memif_listen(base, path, uid, gid, err);
	if (ml->l == NULL) {
		free(ml->path);
		free(ml);
		return NULL;
	}
	ml->uid = uid;
	ml->gid = gid;
	ml->users = 1;
	LIST_INSERT_HEAD(&listeners, ml, next);
	return ml;
}

static void epoll_leave(struct vif *v)
{
	if (v->memif.epoll_fd >= 0)
		epoll_ctl(v->worker->epfd, EPOLL_CTL_DEL, v->memif.epoll_fd, NULL);
	v->memif.epoll_fd = -1;
}

/* A sliver may connect and hang up as fast as it likes: a line a second is enough of that. */
static void log_state(struct vif *v, const char *state, const char *why)
{
	time_t now = time(NULL);

	if (now != v->memif.logged_s)
		lm_info("vif %s: %s%s%s", v->name, state, why[0] != '\0' ? ": " : "", why);
	v->memif.logged_s = now;
}

static void on_up(void *ctx, struct lm_memif *m)
{
	struct vif *v = ctx;
	/* edge-triggered: the peer holds the counter too and could keep it above 0 for ever */
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLET, .data.u64 = wake_data(WAKE_MEMIF, v->slot)};
	int fd = lm_memif_rx_fd(m);

	if (epoll_ctl(v->worker->epfd, EPOLL_CTL_ADD, fd, &ev) == 0)
		v->memif.epoll_fd = fd;
	else
		lm_warning("vif %s: cannot wait for its frames: %s", v->name, strerror(errno));
	log_state(v, "up", "");
	worker_wake(v->worker); /* asks the peer for interrupts before it sleeps again */
}

static void on_down(void *ctx, struct lm_memif *m, const char *why)
{
	struct vif *v = ctx;

	log_state(v, "down", why);
	epoll_leave(v);
	substrate_synchronize(v->memif.substrate);
	lm_memif_quiesced(m);
}

static int memif_open(struct substrate *s, struct vif *v, const json_t *params, struct lm_err *err)
{
	json_int_t id = 0, uid = -1, gid = -1, ring = 10;
	struct lm_memif_conf conf = {
		.name = "lamina-substrate", .on_up = on_up, .on_down = on_down, .ctx = v};
	const char *kind, *path;
	json_error_t je;

	if (json_unpack_ex((json_t *)(uintptr_t)params, &je, JSON_STRICT,
		    "{s:s, s:s, s?I, s?I, s?I, s?I}", "kind", &kind, "socket", &path, "id", &id,
		    "uid", &uid, "gid", &gid, "ring_size_log2", &ring) != 0)
		return lm_err_set(err, EINVAL, "backend memif: %s", je.text);
	if (id < 0 || id > UINT16_MAX)
		return lm_err_set(err, EINVAL, "backend memif: id must be 0-65535");
	if (ring < 1 || ring > 14)
		return lm_err_set(err, EINVAL, "backend memif: ring_size_log2 must be 1-14");
	conf.id = (uint16_t)id;
	conf.ring_size_log2 = (uint8_t)ring;
	v->memif.substrate = s;
	v->memif.epoll_fd = -1;
	v->memif.listener = listener_get(s->base, path, (uid_t)uid, (gid_t)gid, err);
	if (v->memif.listener == NULL)
		return -err->code;
	v->memif.m = lm_memif_server_new(v->memif.listener->l, &conf, err);
	if (v->memif.m == NULL) {
		listener_put(v->memif.listener);
		return -err->code;
	}
	return 0;
}

static void memif_close(struct vif *v, bool keep)
{
	(void)keep;
	epoll_leave(v);
	lm_memif_free(v->memif.m);
	listener_put(v->memif.listener);
}

static uint16_t memif_rx(struct worker *w, struct vif *v, struct rte_mbuf **m)
{
	uint16_t got, room = worker_spare_mbufs(w);

	if (room == 0)
		return 0;
	got = lm_memif_rx(v->memif.m, w->frames, room);
	for (uint16_t i = 0; i < got; i++) {
		w->spare[i]->data_len = w->frames[i].len;
		w->spare[i]->pkt_len = w->frames[i].len;
	}
	if (got > 0)
		worker_take_spare(w, m, got);
	return got;
}

static uint16_t memif_tx(
	struct vif *v, struct rte_mbuf *const *m, uint16_t n, enum drop_reason *why)
{
	struct lm_memif_frame frames[BURST];
	uint16_t sent, i = 0;

	do { /* there is at least one */
		frames[i].data = rte_pktmbuf_mtod(m[i], void *);
		frames[i].len = m[i]->data_len;
	} while (++i < n);
	sent = lm_memif_tx(v->memif.m, frames, n);
	if (unlikely(sent < n))
		*why = lm_memif_is_up(v->memif.m) ? DROP_VIF_RING_FULL : DROP_VIF_DOWN;
	return sent;
}

static bool memif_is_up(const struct vif *v)
{
	return lm_memif_is_up(v->memif.m);
}

static bool memif_arm(struct vif *v)
{
	return lm_memif_rx_arm(v->memif.m);
}

static void memif_disarm(struct vif *v)
{
	lm_memif_rx_disarm(v->memif.m);
}

static void memif_add_drops(const struct vif *v, uint64_t drops[DROP_REASONS])
{
	struct lm_memif_stats stats;

	lm_memif_stats(v->memif.m, &stats);
	drops[DROP_TOO_LONG] += stats.rx_too_long + stats.tx_too_long;
	drops[DROP_BAD_DESCRIPTOR] += stats.bad_desc;
}

const struct vif_backend vif_memif = {
	.kind = "memif",
	.open = memif_open,
	.close = memif_close,
	.rx = memif_rx,
	.tx = memif_tx,
	.is_up = memif_is_up,
	.arm = memif_arm,
	.disarm = memif_disarm,
	.add_drops = memif_add_drops,
};
