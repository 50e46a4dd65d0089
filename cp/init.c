/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <event2/event.h>

#include "cp/sliver.h"
#include "mp/log.h"

#define FP_PATIENCE_S	10
#define OTHERS_GRACE_MS 1000

bool init_ready(const struct init *init)
{
	return init->phase == INIT_RUNNING && interfaces_missing(&init->ifs) == NULL &&
	       (!init->has_fp || init->fp.ready) && (!init->has_frr || init->frr.configured) &&
	       init->agent.state == PROC_RUNNING;
}

static void say_when_ready(struct init *init)
{
	if (init->was_ready || !init_ready(init))
		return;
	init->was_ready = true;
	lm_info("sliver %s/%s is ready", init->conf.slice, init->conf.sliver);
}

static void on_progress(void *ctx)
{
	say_when_ready(ctx);
}

static void start_frr(struct init *init)
{
	event_del(init->fp_patience);
	if (init->has_frr && !init->frr_started && init->phase == INIT_RUNNING) {
		init->frr_started = true;
		frr_start(&init->frr);
	}
	say_when_ready(init);
}

/* zebra tries the FPM connection once in 3 s: with the FP listening first, the first try works */
static void on_fp_ready(void *ctx)
{
	start_frr(ctx);
}

static void on_fp_patience(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lm_warning("lamina-fp is not ready after %d s; starting FRR without it", FP_PATIENCE_S);
	start_frr(arg);
}

static bool all_stopped(const struct init *init, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to && i < init->frr.n_daemons; i++)
		if (init->frr.daemons[i].proc.state != PROC_STOPPED)
			return false;
	return true;
}

/* Goes on with the shutdown as far as the dead allow. */
static void advance_end(struct init *init)
{
	if (init->phase == INIT_END_CLIENTS && all_stopped(init, 1, SLIVER_DAEMONS_MAX)) {
		init->phase = INIT_END_ZEBRA;
		if (init->has_frr)
			frr_stop_zebra(&init->frr);
	}
	if (init->phase == INIT_END_ZEBRA && all_stopped(init, 0, 1)) {
		/* the listener of zebra's FPM connection goes after zebra, which may hang else */
		init->phase = INIT_END_REST;
		if (init->has_fp)
			proc_stop(&init->fp.proc, OTHERS_GRACE_MS);
		proc_stop(&init->agent, OTHERS_GRACE_MS);
	}
	if (init->phase == INIT_END_REST && init->agent.state == PROC_STOPPED &&
		init->fp.proc.state == PROC_STOPPED) {
		init->phase = INIT_ENDED;
		event_base_loopbreak(init->base);
	}
}

static void on_term(int sig, short what, void *arg)
{
	struct init *init = arg;

	(void)what;
	if (init->phase != INIT_RUNNING)
		return;
	lm_info("signal %d: ending the sliver", sig);
	init->phase = INIT_END_CLIENTS;
	event_del(init->fp_patience);
	if (init->has_frr)
		frr_stop_clients(&init->frr);
	advance_end(init);
}

static struct proc *find_proc(struct init *init, pid_t pid)
{
	if (init->fp.proc.pid == pid)
		return &init->fp.proc;
	if (init->agent.pid == pid)
		return &init->agent;
	for (unsigned int i = 0; i < init->frr.n_daemons; i++)
		if (init->frr.daemons[i].proc.pid == pid)
			return &init->frr.daemons[i].proc;
	return NULL;
}

/* As pid 1 every orphan of the sliver becomes ours too; those are only reaped. */
static void on_child(int sig, short what, void *arg)
{
	struct init *init = arg;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct proc *p = find_proc(init, pid);

		if (p != NULL)
			proc_exited(p, status);
		else if (pid == init->frr.vtysh.pid)
			vtysh_run_exited(&init->frr.vtysh, status);
	}
	advance_end(init);
}

static int add_signals(struct init *init, struct lm_err *err)
{
	init->sigchld = evsignal_new(init->base, SIGCHLD, on_child, init);
	init->sigterm = evsignal_new(init->base, SIGTERM, on_term, init);
	init->sigint = evsignal_new(init->base, SIGINT, on_term, init);
	init->fp_patience = event_new(init->base, -1, 0, on_fp_patience, init);
	if (init->sigchld == NULL || init->sigterm == NULL || init->sigint == NULL ||
		init->fp_patience == NULL || event_add(init->sigchld, NULL) < 0 ||
		event_add(init->sigterm, NULL) < 0 || event_add(init->sigint, NULL) < 0)
		return lm_err_set(err, ENOMEM, "out of memory");
	return 0;
}

static int serve(struct init *init, struct lm_err *err)
{
	struct lm_rpc_listen where = {
		.path = LM_SLIVER_INIT_SOCK, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};

	if (mkdir(LM_SLIVER_INT_DIR, 0700) < 0 && errno != EEXIST)
		return lm_err_errno(err, errno, "%s", LM_SLIVER_INT_DIR);
	init->rpc = lm_rpc_server_new(init->base, &where, init_methods, init, err);
	return init->rpc == NULL ? -err->code : 0;
}

static int prepare_agent(struct init *init, const char *bin_dir, struct lm_err *err)
{
	struct proc_spec spec = {.name = "lamina-agent", .argv = init->agent_argv, .bare = true};

	snprintf(init->agent_path, sizeof(init->agent_path), "%s/lamina-agent", bin_dir);
	init->agent_argv[0] = init->agent_path;
	if (proc_init(&init->agent, init->base, &spec) < 0)
		return lm_err_set(err, ENOMEM, "out of memory");
	return 0;
}

int init_start(struct init *init, const char *bin_dir, struct lm_err *err)
{
	struct timeval patience = {.tv_sec = FP_PATIENCE_S};
	int rc;

	init->has_fp = init->has_frr = init->conf.type != SLIVER_VROUTER_RAW;
	init->ifs.on_change = on_progress;
	init->fp.on_ready = on_fp_ready;
	init->frr.on_configured = on_progress;
	init->ifs.ctx = init->fp.ctx = init->frr.ctx = init;
	if ((rc = add_signals(init, err)) < 0 || (rc = serve(init, err)) < 0 ||
		(rc = interfaces_open(&init->ifs, init->base, &init->conf, err)) < 0 ||
		(rc = prepare_agent(init, bin_dir, err)) < 0)
		return rc;
	if (init->has_fp &&
		(rc = fp_proc_init(&init->fp, init->base, bin_dir, &init->ifs, err)) < 0)
		return rc;
	if (init->has_frr && (rc = frr_init(&init->frr, init->base, &init->conf, err)) < 0)
		return rc;
	if (init->has_fp) {
		fp_proc_start(&init->fp);
		event_add(init->fp_patience, &patience);
	} else {
		start_frr(init);
	}
	proc_start(&init->agent);
	say_when_ready(init);
	return 0;
}

void init_fini(struct init *init)
{
	struct event *const events[] = {
		init->sigchld, init->sigterm, init->sigint, init->fp_patience};

	lm_rpc_server_free(init->rpc);
	frr_fini(&init->frr);
	fp_proc_fini(&init->fp);
	proc_fini(&init->agent);
	interfaces_close(&init->ifs);
	for (unsigned int i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	sliver_conf_free(&init->conf);
}
