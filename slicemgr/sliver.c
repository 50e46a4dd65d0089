/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/sliver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>

#include "mp/log.h"
#include "slicemgr/admission.h"
#include "slicemgr/agent_call.h"
#include "slicemgr/container.h"
#include "slicemgr/container_run.h"
#include "slicemgr/reap.h"
#include "slicemgr/slice.h"
#include "slicemgr/sliver_json.h"
#include "slicemgr/sliver_place.h"
#include "slicemgr/substrate_client.h"
#include "slicemgr/substrate_proc.h"
#include "slicemgr/uid_range.h"

#define READY_MS	20000 /* and one second more for each sliver of the slice */
#define PROBE_MS	20
#define AGENT_MS	500
#define STOP_MS		5000 /* zebra alone may take 3 s */
#define BACKOFF_MIN_MS	100
#define BACKOFF_MAX_MS	10000
#define STEADY_MS	30000
#define CPUS_TEXT_MAX	(LM_CORES_MAX * 5)
#define LOG_TAIL_OCTETS 256
#define UPDATE_MS	5000

static void on_timer(evutil_socket_t fd, short what, void *arg);

static void set_timer(struct sliver *sliver, unsigned int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	if (sliver->timer == NULL)
		sliver->timer = event_new(sliver->node->base, -1, 0, on_timer, sliver);
	if (sliver->timer != NULL)
		event_add(sliver->timer, &tv);
}

/* Where its FP may run: its own cores, or all that are shared. */
static struct lm_cores fp_cores(const struct sliver *sliver)
{
	return sliver->own_cores.n > 0 ? sliver->own_cores : admission_shared_cores(sliver->node);
}

void sliver_cpus_text(const struct sliver *sliver, char *text, size_t size)
{
	struct lm_cores shared = admission_shared_cores(sliver->node);
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < shared.n + sliver->own_cores.n && len + 8 < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%u", i > 0 ? "," : "",
			(unsigned int)(i < shared.n ? shared.ids[i]
						    : sliver->own_cores.ids[i - shared.n]));
}

static int start_container(
	struct sliver *sliver, const struct sliver_place *place, struct lm_err *err)
{
	char cpus[CPUS_TEXT_MAX];
	const char *name = sliver->slice->id != 0 ? sliver->spec->client_id : LEGACY_SLIVER;
	struct lm_container_conf conf = {
		.id = place->id,
		.runc_root = place->runc_root,
		.bundle_dir = place->bundle_dir,
		.conf_dir = place->conf_dir,
		.memif_dir = place->memif_dir,
		.ctl_dir = place->ctl_dir,
		.log_dir = place->log_dir,
		.bin_dir = sliver->node->bin_dir,
		.hostname = name,
		.cgroup_parent = place->cgroup_parent,
		.cgroup_name = place->cgroup_name,
		.uid_base = sliver->uid_base,
		.cpus = cpus,
		.memory_max_bytes = (uint64_t)sliver->memory_mb << 20,
		.raw = sliver->spec->type == LM_SLIVER_VROUTER_RAW,
	};

	sliver_cpus_text(sliver, cpus, sizeof(cpus));
	return lm_container_create_start(&conf, &sliver->pid, err);
}

/* Adds the vifs that are not there yet: those over memif, or those that are TAPs. */
static int add_vifs(struct sliver *sliver, bool kernel, struct lm_err *err)
{
	for (unsigned int i = 0; i < sliver->n_ifaces; i++) {
		struct iface *iface = &sliver->ifaces[i];
		int rc;

		if (iface->kernel != kernel || iface->added)
			continue;
		if (!substrate_proc_ready(sliver->node->substrate))
			return lm_err_set(err, EAGAIN,
				"vif %s: the substrate is being started again; try again in a "
				"moment",
				iface->vif);
		rc = substrate_vif_add(sliver, iface, err);
		if (rc < 0)
			return lm_err_context(err, "vif %s", iface->vif);
		iface->added = true;
	}
	return 0;
}

static void del_vifs(struct sliver *sliver, bool kernel_alone)
{
	for (unsigned int i = 0; i < sliver->n_ifaces; i++) {
		struct iface *iface = &sliver->ifaces[i];
		struct lm_err err = {0};

		if (!iface->added || (kernel_alone && !iface->kernel))
			continue;
		iface->added = false;
		if (substrate_vif_del(sliver->node, iface, &err) < 0)
			lm_warning("vif %s: %s", iface->vif, err.msg);
	}
}

static void forget_process(struct sliver *sliver)
{
	if (sliver->exit_event != NULL)
		event_free(sliver->exit_event);
	sliver->exit_event = NULL;
	if (sliver->pidfd >= 0)
		close(sliver->pidfd);
	sliver->pidfd = -1;
	/* runc leaves pid 1 to the slice manager; one that still runs is reaped by reap_orphans()
	 */
	if (sliver->pid > 0)
		waitpid(sliver->pid, NULL, WNOHANG);
	sliver->pid = 0;
	agent_call_cancel(sliver->query);
	sliver->query = NULL;
}

/* The last line of its console log: most often why it ended. "" when there is none. */
static void last_words(const struct sliver *sliver, char *text, size_t size)
{
	struct sliver_place place;
	struct lm_err ignored = {0};
	char *line;
	size_t len;

	text[0] = '\0';
	if (sliver_place(sliver->node, sliver->path, &place, &ignored) == 0)
		lm_container_log_tail(place.log_dir, text, size);
	len = strlen(text);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	line = strrchr(text, '\n');
	if (line != NULL)
		memmove(text, line + 1, strlen(line + 1) + 1);
}

/* All of it is taken away; the slice is told. */
static void finish(struct sliver *sliver)
{
	struct lm_err err = {0};

	forget_process(sliver);
	del_vifs(sliver, false);
	if (sliver->made && sliver_remove(sliver->node, sliver->path, sliver->uid_base, &err) < 0) {
		lm_err_context(&err, "%s is gone but for this", sliver->path);
		lm_error("%s", err.msg);
		slice_note(sliver->slice, &err);
		if (sliver->node->ending && sliver->node->left.code == 0)
			sliver->node->left = err;
	}
	reap_orphans(sliver->node);
	sliver->made = false;
	sliver->uid_base = 0;
	if (sliver->timer != NULL)
		event_free(sliver->timer);
	sliver->timer = NULL;
	sliver->state = SLIVER_GONE;
	slice_sliver_gone(sliver->slice);
}

/* The container of a sliver that should live has died: clear it away, make it again later. */
static void restart_later(struct sliver *sliver)
{
	struct lm_container_place where;
	struct sliver_place place;
	struct lm_err err = {0};
	char tail[LOG_TAIL_OCTETS];

	forget_process(sliver);
	if (sliver->ready_ms != 0 && node_now_ms() - sliver->ready_ms > STEADY_MS)
		sliver->backoff_ms = 0;
	del_vifs(sliver, true);
	last_words(sliver, tail, sizeof(tail));
	if (tail[0] != '\0')
		lm_warning("%s: its last words: %s", sliver->path, tail);
	if (sliver_place(sliver->node, sliver->path, &place, &err) == 0) {
		where = sliver_container_place(&place);
		if (lm_container_delete(&where, 0, &err) < 0)
			lm_error("%s: %s", sliver->path, err.msg);
	}
	reap_orphans(sliver->node);
	sliver->state = SLIVER_BACKOFF;
	sliver->ready_ms = 0;
	set_timer(sliver, sliver->backoff_ms);
	sliver->backoff_ms = MIN(MAX(2 * sliver->backoff_ms, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
}

static void on_exit_event(evutil_socket_t fd, short what, void *arg)
{
	struct sliver *sliver = arg;

	(void)fd;
	(void)what;
	if (sliver->state == SLIVER_STOPPING) {
		finish(sliver);
		return;
	}
	if (sliver->slice->state == SLICE_APPLYING) {
		struct lm_err err = {0};
		char tail[LOG_TAIL_OCTETS];

		last_words(sliver, tail, sizeof(tail));
		lm_err_set(&err, EIO, "%s: its container ended while it started%s%s", sliver->path,
			tail[0] != '\0' ? ": " : "", tail);
		forget_process(sliver);
		slice_sliver_failed(sliver, &err);
		return;
	}
	lm_error("%s: its container died; making it again", sliver->path);
	restart_later(sliver);
}

/* Watches pid 1 of the container. */
static int watch(struct sliver *sliver, struct lm_err *err)
{
	sliver->pidfd = (int)syscall(SYS_pidfd_open, sliver->pid, 0);
	if (sliver->pidfd < 0)
		return lm_err_set(err, EIO, "its container ended at once");
	sliver->exit_event =
		event_new(sliver->node->base, sliver->pidfd, EV_READ, on_exit_event, sliver);
	if (sliver->exit_event == NULL || event_add(sliver->exit_event, NULL) < 0)
		return lm_err_set(err, ENOMEM, "out of memory");
	return 0;
}

int sliver_start(struct sliver *sliver, struct lm_err *err)
{
	struct lm_cores cores = fp_cores(sliver);
	struct sliver_place place;
	int rc = sliver_place(sliver->node, sliver->path, &place, err);

	sliver->started_ms = node_now_ms();
	sliver->deadline_ms = sliver->started_ms + READY_MS + 1000L * sliver->slice->n_slivers;
	if (rc < 0)
		return rc;
	sliver->made = true;
	rc = sliver_dirs_make(sliver->node, sliver->path, &place, err);
	if (rc == 0 && sliver->uid_base == 0)
		rc = lm_uid_range_take(LM_UID_RANGE_DIR, sliver->dir, &sliver->uid_base, err);
	if (rc == 0)
		rc = add_vifs(sliver, false, err);
	if (rc == 0)
		rc = sliver_json_write(sliver, &cores, err);
	if (rc == 0)
		rc = start_container(sliver, &place, err);
	if (rc == 0)
		rc = watch(sliver, err);
	if (rc == 0)
		rc = add_vifs(sliver, true, err);
	if (rc < 0)
		return lm_err_context(err, "%s", sliver->path);
	sliver->state = SLIVER_STARTING;
	set_timer(sliver, PROBE_MS);
	return 0;
}

static void on_status(void *ctx, json_t *result, const struct lm_err *err)
{
	struct sliver *sliver = ctx;

	(void)err;
	sliver->query = NULL;
	if (sliver->state != SLIVER_STARTING || !json_is_true(json_object_get(result, "ready")))
		return;
	sliver->state = SLIVER_READY;
	sliver->ready_ms = node_now_ms();
	event_del(sliver->timer);
	lm_info("%s: ready after %lld ms", sliver->path,
		(long long)(sliver->ready_ms - sliver->started_ms));
	slice_sliver_ready(sliver->slice);
}

/* Not ready in time: fail the apply, or make the container again. */
static void too_late(struct sliver *sliver)
{
	struct lm_err err = {0};
	char tail[LOG_TAIL_OCTETS];

	last_words(sliver, tail, sizeof(tail));
	lm_err_set(&err, ETIMEDOUT, "%s: not ready after %lld s%s%s", sliver->path,
		(long long)(sliver->deadline_ms - sliver->started_ms) / 1000,
		tail[0] != '\0' ? "; it said: " : "", tail);
	if (sliver->slice->state == SLICE_APPLYING) {
		slice_sliver_failed(sliver, &err);
		return;
	}
	/* its death brings it to restart_later() */
	lm_error("%s", err.msg);
	syscall(SYS_pidfd_send_signal, sliver->pidfd, SIGKILL, NULL, 0);
}

static void probe(struct sliver *sliver)
{
	char path[PATH_MAX + 32];
	struct stat st;

	if (node_now_ms() > sliver->deadline_ms) {
		too_late(sliver);
		return;
	}
	set_timer(sliver, PROBE_MS);
	snprintf(path, sizeof(path), "%s/ctl/agent.sock", sliver->dir);
	if (sliver->query == NULL && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		sliver->query = agent_call_start(sliver->node->base, sliver->dir, sliver->uid_base,
			"status", NULL, AGENT_MS, on_status, sliver);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sliver *sliver = arg;
	struct lm_err err = {0};

	(void)fd;
	(void)what;
	switch (sliver->state) {
	case SLIVER_STARTING:
		probe(sliver);
		break;
	case SLIVER_BACKOFF:
		sliver->restarts++;
		if (sliver_start(sliver, &err) < 0) {
			lm_error("%s", err.msg);
			restart_later(sliver);
		}
		break;
	case SLIVER_STOPPING:
		lm_warning("%s: did not end in %d s; killing it", sliver->path, STOP_MS / 1000);
		syscall(SYS_pidfd_send_signal, sliver->pidfd, SIGKILL, NULL, 0);
		break;
	default:
		break;
	}
}

void sliver_stop(struct sliver *sliver, bool quick)
{
	if (sliver->state == SLIVER_STOPPING || sliver->state == SLIVER_GONE)
		return;
	sliver->state = SLIVER_STOPPING;
	if (sliver->exit_event == NULL) {
		finish(sliver);
		return;
	}
	syscall(SYS_pidfd_send_signal, sliver->pidfd, quick ? SIGKILL : SIGTERM, NULL, 0);
	set_timer(sliver, STOP_MS);
}

void slivers_update_cores(struct node *node)
{
	struct slice *slice;

	TAILQ_FOREACH (slice, &node->slices, next)
		for (unsigned int i = 0; i < slice->n_slivers; i++) {
			struct sliver *sliver = &slice->slivers[i];
			char cpus[CPUS_TEXT_MAX];
			struct sliver_place place;
			struct lm_err err = {0};

			if (sliver->pid == 0 || sliver_place(node, sliver->path, &place, &err) < 0)
				continue;
			sliver_cpus_text(sliver, cpus, sizeof(cpus));
			const char *argv[] = {"runc", "--root", place.runc_root, "update",
				"--cpuset-cpus", cpus, place.id, NULL};
			if (lm_container_run(argv, -1, NULL, 0, UPDATE_MS, &err) != 0)
				lm_error("%s: cannot change its cores to %s: %s", sliver->path,
					cpus, err.msg);
		}
}

const char *sliver_state_name(const struct sliver *sliver)
{
	static const char *const names[] = {
		"new", "starting", "ready", "backoff", "stopping", "gone"};

	return names[sliver->state];
}
