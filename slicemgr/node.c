/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/node.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>

#include "mp/cleanup.h"
#include "mp/log.h"
#include "mp/read_file.h"
#include "slicemgr/neighbours.h"
#include "slicemgr/node_dirs.h"
#include "slicemgr/plan.h"
#include "slicemgr/slice.h"
#include "slicemgr/substrate_proc.h"

#define GROUP "lamina"
/* How long the last answers have to leave before the loop ends. */
#define FLUSH_US 100000

int64_t node_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct slice *node_slice(const struct node *node, const char *name)
{
	struct slice *slice;

	TAILQ_FOREACH (slice, &node->slices, next)
		if (strcmp(slice->name, name) == 0)
			return slice;
	return NULL;
}

static int read_config(struct node *node, const char *file, struct lm_err *err)
{
	lm_cleanup_free char *text = NULL;
	size_t n = 0;
	int rc = lm_read_file(file, LM_SPEC_BYTES_MAX, &text, &n, err);

	return rc < 0 ? rc : lm_node_conf_parse(file, text, n, &node->conf, err);
}

static int find_programs(struct node *node, struct lm_err *err)
{
	ssize_t n = readlink("/proc/self/exe", node->bin_dir, sizeof(node->bin_dir) - 1);

	if (n < 0)
		return lm_err_errno(err, errno, "/proc/self/exe");
	node->bin_dir[n] = '\0';
	*strrchr(node->bin_dir, '/') = '\0';
	return 0;
}

/* Ports belong to the node's network namespace; /sys is left alone: cgroups are in it. */
static int enter_netns(const struct node *node, struct lm_err *err)
{
	lm_cleanup_close int fd = -1;

	if (node->conf.netns[0] == '\0')
		return 0;
	fd = open(node->conf.netns, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return lm_err_errno(
			err, errno, "%s: network namespace %s", node->conf.file, node->conf.netns);
	return 0;
}

static int serve(struct node *node, struct lm_err *err)
{
	char path[LM_CONF_PATH_MAX + 32];
	const struct group *group = getgrnam(GROUP);
	struct lm_rpc_listen where = {
		.path = path, .mode = 0660, .uid = 0, .gid = group != NULL ? group->gr_gid : 0};

	snprintf(path, sizeof(path), "%s/slicemgr.sock", node->conf.rundir);
	node->server = lm_rpc_server_new(node->base, &where, node_methods, node, err);
	return node->server != NULL ? 0 : -err->code;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	lm_info("signal %d: the node goes down", (int)number);
	node_end(arg);
}

static int catch_signals(struct node *node, struct lm_err *err)
{
	static const int numbers[] = {SIGTERM, SIGINT};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 2; i++) {
		node->signals[i] = evsignal_new(node->base, numbers[i], on_signal, node);
		if (node->signals[i] == NULL || event_add(node->signals[i], NULL) < 0)
			return lm_err_set(err, ENOMEM, "out of memory");
	}
	return 0;
}

/* With --ready-fd the log goes to a file in the run directory. */
static void open_log(const struct node *node)
{
	char path[LM_CONF_PATH_MAX + 32];
	int fd;

	if (node->ready_fd < 0)
		return;
	snprintf(path, sizeof(path), "%s/slicemgr.log", node->conf.rundir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* One line to whoever started us: "ready NODE" or "error WHY". */
static void report(struct node *node, const struct lm_err *err)
{
	int rc;

	if (err == NULL)
		lm_info("node %s is up", node->conf.name);
	if (node->ready_fd < 0)
		return;
	if (err == NULL)
		rc = dprintf(node->ready_fd, "ready %s\n", node->conf.name);
	else
		rc = dprintf(node->ready_fd, "error %s\n", err->msg);
	close(node->ready_fd);
	node->ready_fd = -1;
	if (err == NULL && rc < 0) {
		lm_error("nobody waits for the node any more: it goes down again");
		node->exit_code = EXIT_FAILURE;
		node_end(node);
	}
}

static int start_parts(struct node *node, struct lm_err *err)
{
	struct slice *legacy = NULL;
	int rc;

	open_log(node);
	rc = catch_signals(node, err);
	if (rc == 0 && node->conf.has_legacy && (legacy = plan_legacy(node, err)) == NULL)
		rc = -err->code;
	if (rc == 0) {
		node->substrate = substrate_proc_start(node, err);
		rc = node->substrate != NULL ? 0 : -err->code;
	}
	if (rc == 0)
		rc = serve(node, err);
	if (rc < 0) {
		slice_free(legacy);
		return rc;
	}
	if (legacy != NULL)
		slice_begin(legacy);
	else
		report(node, NULL);
	return 0;
}

int node_start(struct node *node, struct event_base *base, const char *file, int ready_fd,
	struct lm_err *err)
{
	int rc;

	memset(node, 0, sizeof(*node));
	TAILQ_INIT(&node->slices);
	node->base = base;
	node->lock_fd = -1;
	node->ready_fd = ready_fd;
	node->started_ms = node_now_ms();
	rc = read_config(node, file, err);
	if (rc == 0 && geteuid() != 0)
		rc = lm_err_set(err, EPERM,
			"a node makes namespaces, cgroups and containers and needs root");
	if (rc == 0)
		rc = find_programs(node, err);
	if (rc < 0)
		return rc;
	neighbours_make_room(node->conf.max_slivers);
	rc = enter_netns(node, err);
	if (rc == 0)
		rc = node_dirs_claim(node, err);
	if (rc < 0)
		return rc;
	rc = start_parts(node, err);
	if (rc < 0) {
		substrate_proc_stop(node->substrate);
		node->substrate = NULL;
		lm_rpc_server_free(node->server);
		node->server = NULL;
		node_dirs_remove(node);
	}
	return rc;
}

void node_slice_ready(const struct slice *slice)
{
	if (slice->id == 0)
		report(slice->node, NULL);
}

static void on_exit_timer(evutil_socket_t fd, short what, void *arg)
{
	struct node *node = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(node->base);
}

/* No slice is left: end the substrate, say so, leave the loop. */
static void last_steps(struct node *node)
{
	struct timeval flush = {.tv_usec = FLUSH_US};

	substrate_proc_stop(node->substrate);
	node->substrate = NULL;
	if (node->down_later != NULL) {
		bool clean = node->left.code == 0;

		/* the log goes with the node, so this is the last chance to tell */
		lm_rpc_later_answer(node->down_later,
			clean ? json_pack(
					"{s:s, s:i}", "node", node->conf.name, "pid", (int)getpid())
			      : NULL,
			&node->left);
		node->down_later = NULL;
	}
	node->exit_timer = event_new(node->base, -1, 0, on_exit_timer, node);
	if (node->exit_timer == NULL || event_add(node->exit_timer, &flush) < 0)
		event_base_loopbreak(node->base);
}

void node_end(struct node *node)
{
	struct slice *slice, *next;

	if (node->ending)
		return;
	node->ending = true;
	if (TAILQ_EMPTY(&node->slices)) {
		last_steps(node);
		return;
	}
	for (slice = TAILQ_FIRST(&node->slices); slice != NULL; slice = next) {
		next = TAILQ_NEXT(slice, next);
		if (slice->state == SLICE_APPLYING) {
			slice->failed = true;
			lm_err_set(&slice->err, ESHUTDOWN, "node %s goes down", node->conf.name);
		}
		if (slice->state != SLICE_ENDING)
			slice_end(slice, false);
	}
}

void node_slice_gone(struct node *node, const struct lm_err *err)
{
	if (err != NULL && !node->ending) {
		/* the legacy router is part of the node: without it there is none */
		report(node, err);
		node->exit_code = EXIT_FAILURE;
		node_end(node);
		return;
	}
	if (node->ending && node->exit_timer == NULL && TAILQ_EMPTY(&node->slices))
		last_steps(node);
}

void node_free(struct node *node)
{
	lm_rpc_server_free(node->server);
	for (size_t i = 0; i < 2; i++)
		if (node->signals[i] != NULL)
			event_free(node->signals[i]);
	if (node->exit_timer != NULL)
		event_free(node->exit_timer);
	node_dirs_remove(node);
	lm_node_conf_free(&node->conf);
}
