/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/fp_proc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>

#include "cp/rpc_probe.h"
#include "cp/sliver.h"
#include "mp/log.h"

static int send_one(int sock, const char *text, int fd)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = {.buf = {0}};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int fp_send_taps(int sock, const struct interfaces *ifs)
{
	for (unsigned int i = 0; i < ifs->n_taps; i++) {
		const struct tap *t = &ifs->taps[i];
		const uint8_t *m = t->interface->macs[t->mac];
		char name[IFNAMSIZ], mac[18];
		char *text;
		json_t *msg;
		int rc;

		sliver_if_tap_name(t->interface, t->mac, name);
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
			m[4], m[5]);
		msg = json_pack("{s:s, s:s, s:s}", "interface", t->interface->name, "tap", name,
			"mac", mac);
		text = json_dumps(msg, JSON_COMPACT);
		json_decref(msg);
		if (text == NULL)
			return -ENOMEM;
		rc = send_one(sock, text, t->fd);
		free(text);
		if (rc < 0)
			return rc;
	}
	return send_one(sock, "{\"end\":true}", -1);
}

static void close_socks(struct fp_proc *fp)
{
	if (fp->tap_sock >= 0)
		close(fp->tap_sock);
	if (fp->child_sock >= 0)
		close(fp->child_sock);
	fp->tap_sock = fp->child_sock = -1;
}

/* Called before each start: a new socket pair, the TAPs already in it when the FP looks. */
static int prepare(struct proc *p, void *ctx)
{
	struct fp_proc *fp = ctx;
	int pair[2], rc;
	int room = 1 << 20;

	(void)p;
	close_socks(fp);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		lm_error("lamina-fp: socket pair: %s", strerror(errno));
		return -2;
	}
	if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0)
		lm_debug("lamina-fp: SO_SNDBUF: %s", strerror(errno));
	rc = fp_send_taps(pair[0], fp->ifs);
	if (rc < 0) {
		lm_error("lamina-fp: cannot send the TAPs: %s", strerror(-rc));
		close(pair[0]);
		close(pair[1]);
		return -2;
	}
	fp->tap_sock = pair[0];
	fp->child_sock = pair[1];
	return pair[1];
}

static void on_ready(void *ctx)
{
	struct fp_proc *fp = ctx;

	fp->ready = true;
	event_del(fp->absent);
	if (fp->carrier_off)
		interfaces_set_carrier(fp->ifs, true);
	fp->carrier_off = false;
	lm_info("lamina-fp: ready");
	if (fp->on_ready != NULL)
		fp->on_ready(fp->ctx);
}

static void on_absent(int fd, short what, void *ctx)
{
	struct fp_proc *fp = ctx;

	(void)fd;
	(void)what;
	lm_warning("lamina-fp: absent for %d s, the interfaces lose their carrier",
		FP_ABSENT_MAX_MS / 1000);
	fp->carrier_off = true;
	interfaces_set_carrier(fp->ifs, false);
}

static void wait_until_ready(struct fp_proc *fp)
{
	struct timeval tv = {.tv_sec = FP_ABSENT_MAX_MS / 1000};

	fp->ready = false;
	rpc_probe_free(fp->probe);
	fp->probe = NULL;
	if (!fp->carrier_off && !event_pending(fp->absent, EV_TIMEOUT, NULL))
		event_add(fp->absent, &tv);
}

static void started(struct proc *p, void *ctx)
{
	struct fp_proc *fp = ctx;

	(void)p;
	close(fp->child_sock);
	fp->child_sock = -1;
	wait_until_ready(fp);
	fp->probe = rpc_probe_new(fp->base, LM_SLIVER_FP_SOCK, on_ready, fp);
	if (fp->probe == NULL)
		lm_error("lamina-fp: out of memory: cannot ask it whether it is ready");
}

static void died(struct proc *p, void *ctx)
{
	struct fp_proc *fp = ctx;

	if (p->wanted)
		wait_until_ready(fp);
	else
		event_del(fp->absent);
}

int fp_proc_init(struct fp_proc *fp, struct event_base *base, const char *bin_dir,
	const struct interfaces *ifs, struct lm_err *err)
{
	struct proc_spec spec = {.name = "lamina-fp",
		.argv = fp->argv,
		.prepare = prepare,
		.started = started,
		.died = died,
		.ctx = fp};

	fp->base = base;
	fp->ifs = ifs;
	fp->tap_sock = fp->child_sock = -1;
	snprintf(fp->path, sizeof(fp->path), "%s/lamina-fp", bin_dir);
	fp->argv[0] = fp->path;
	fp->absent = event_new(base, -1, 0, on_absent, fp);
	if (fp->absent == NULL || proc_init(&fp->proc, base, &spec) < 0)
		return lm_err_set(err, ENOMEM, "out of memory");
	return 0;
}

void fp_proc_start(struct fp_proc *fp)
{
	wait_until_ready(fp);
	proc_start(&fp->proc);
}

void fp_proc_fini(struct fp_proc *fp)
{
	rpc_probe_free(fp->probe);
	fp->probe = NULL;
	if (fp->absent != NULL)
		event_free(fp->absent);
	fp->absent = NULL;
	close_socks(fp);
	proc_fini(&fp->proc);
}
