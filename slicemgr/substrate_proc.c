/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/substrate_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>

#include "mp/cleanup.h"
#include "mp/log.h"
#include "slicemgr/substrate_client.h"

#define START_MS	 20000 /* DPDK may have huge pages to clear */
#define STOP_MS		 3000
#define PROBE_MS	 10
#define BACKOFF_MAX_MS	 5000
#define STEADY_MS	 30000 /* having run so long, it is started again at once */
#define FRAME_MIN_OCTETS 2048
#define CORE_TEXT_MAX	 1024
#define LONG_TEXT_MAX	 64

struct substrate_proc {
	struct node *node;
	pid_t pid; /* 0: none */
	int pidfd;
	bool ready;    /* it answers and has been told of ports and vifs */
	bool complete; /* it could open all ports */
	struct event *exit_event, *timer;
	unsigned int restarts, backoff_ms;
	int64_t started_ms;
};

/* argv and the texts it points to. */
struct command {
	char program[PATH_MAX + 32], socket[PATH_MAX], pidfile[PATH_MAX], log[PATH_MAX];
	char cores[CORE_TEXT_MAX], memory[LONG_TEXT_MAX], ethertype[LONG_TEXT_MAX];
	char frame_max[LONG_TEXT_MAX];
	const char *argv[24];
};

static void cores_text(const struct lm_cores *cores, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < cores->n && len + 8 < size; i++)
		len += (size_t)snprintf(
			text + len, size - len, "%s%u", i > 0 ? "," : "", cores->ids[i]);
}

/* Octets of the longest frame that any port takes, with Ethernet header and VLAN tag. */
static unsigned int longest_frame(const struct lm_node_conf *conf)
{
	unsigned int most = FRAME_MIN_OCTETS;

	for (unsigned int i = 0; i < conf->n_ports; i++)
		most = MAX(most, conf->ports[i].mtu + 18U);
	return most;
}

/* devargs of a virtual device start with its driver's name, those of a real one with digits. */
static bool has_pci_port(const struct lm_node_conf *conf)
{
	for (unsigned int i = 0; i < conf->n_ports; i++)
		if (strncmp(conf->ports[i].devargs, "net_", 4) != 0)
			return true;
	return false;
}

static void build_command(const struct node *node, struct command *c)
{
	const struct lm_node_conf *conf = &node->conf;
	size_t n = 0;

	snprintf(c->program, sizeof(c->program), "%s/lamina-substrate", node->bin_dir);
	snprintf(c->socket, sizeof(c->socket), "%s/substrate.sock", conf->rundir);
	snprintf(c->pidfile, sizeof(c->pidfile), "%s/substrate.pid", conf->rundir);
	snprintf(c->log, sizeof(c->log), "%s/substrate.log", conf->rundir);
	snprintf(c->memory, sizeof(c->memory), "%u", conf->substrate_memory_mb);
	snprintf(c->ethertype, sizeof(c->ethertype), "0x%04x", conf->slice_ethertype);
	snprintf(c->frame_max, sizeof(c->frame_max), "%u", longest_frame(conf));
	cores_text(&conf->substrate_cores, c->cores, sizeof(c->cores));
	c->argv[n++] = c->program;
	c->argv[n++] = "--name";
	c->argv[n++] = conf->name;
	c->argv[n++] = "--rpc";
	c->argv[n++] = c->socket;
	c->argv[n++] = "--cores";
	c->argv[n++] = c->cores;
	c->argv[n++] = "--mode";
	c->argv[n++] = conf->substrate_poll ? "poll" : "sleep";
	c->argv[n++] = "--memory";
	c->argv[n++] = c->memory;
	c->argv[n++] = "--slice-ethertype";
	c->argv[n++] = c->ethertype;
	c->argv[n++] = "--frame-max";
	c->argv[n++] = c->frame_max;
	if (conf->hugepages)
		c->argv[n++] = "--huge";
	if (has_pci_port(conf))
		c->argv[n++] = "--pci";
	c->argv[n] = NULL;
}

static void write_pidfile(const char *path, pid_t pid)
{
	lm_cleanup_file FILE *f = fopen(path, "we");

	if (f != NULL)
		fprintf(f, "%d\n", (int)pid);
}

static int spawn(struct substrate_proc *proc, struct lm_err *err)
{
	struct command *c = calloc(1, sizeof(*c));
	int log, rc = 0;

	if (c == NULL)
		return lm_err_set(err, ENOMEM, "out of memory");
	build_command(proc->node, c);
	log = open(c->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	fflush(NULL);
	proc->pid = fork();
	if (proc->pid == 0) {
		setsid();
		if (log >= 0) {
			dup2(log, STDOUT_FILENO);
			dup2(log, STDERR_FILENO);
		}
		execv(c->program, (char *const *)c->argv);
		dprintf(STDERR_FILENO, "%s: %s\n", c->program, strerror(errno));
		_exit(127);
	}
	if (proc->pid < 0) {
		proc->pid = 0;
		rc = lm_err_errno(err, errno, "fork");
	} else {
		write_pidfile(c->pidfile, proc->pid);
		proc->pidfd = (int)syscall(SYS_pidfd_open, proc->pid, 0);
		proc->started_ms = node_now_ms();
	}
	if (log >= 0)
		close(log);
	free(c);
	return rc;
}

/* The last line that the substrate wrote: why it ended. */
static void last_words(const struct node *node, char *text, size_t size)
{
	char path[PATH_MAX], line[256];
	lm_cleanup_file FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/substrate.log", node->conf.rundir);
	text[0] = '\0';
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0')
			snprintf(text, size, "%s", line);
	}
}

/* True when it has ended; then it is reaped and forgotten. */
static bool reap(struct substrate_proc *proc, int *status)
{
	if (proc->pid == 0 || waitpid(proc->pid, status, WNOHANG) != proc->pid)
		return false;
	if (proc->exit_event != NULL)
		event_free(proc->exit_event);
	proc->exit_event = NULL;
	if (proc->pidfd >= 0)
		close(proc->pidfd);
	proc->pidfd = -1;
	proc->pid = 0;
	proc->ready = false;
	proc->complete = false;
	return true;
}

static int wait_ready(struct substrate_proc *proc, struct lm_err *err)
{
	int64_t deadline_ms = node_now_ms() + START_MS;
	char why[256];
	int status;

	while (!substrate_answers(proc->node)) {
		if (reap(proc, &status)) {
			last_words(proc->node, why, sizeof(why));
			return lm_err_set(err, EIO, "lamina-substrate ended while it started: %s",
				why[0] != '\0' ? why : "without a word");
		}
		if (node_now_ms() > deadline_ms)
			return lm_err_set(err, ETIMEDOUT,
				"lamina-substrate does not answer after %d s", START_MS / 1000);
		usleep(PROBE_MS * 1000);
	}
	return 0;
}

static int add_ports(struct substrate_proc *proc, struct lm_err *err)
{
	const struct lm_node_conf *conf = &proc->node->conf;
	struct lm_err failed = {0};
	int rc = 0;

	/* all are tried, the first that fails is told */
	for (unsigned int i = 0; i < conf->n_ports; i++)
		if (substrate_port_add(proc->node, &conf->ports[i], &failed) < 0 && rc == 0) {
			*err = failed;
			rc = -err->code;
		}
	return rc;
}

/* A new substrate knows nothing: it is told of all vifs again. */
static void add_vifs(struct substrate_proc *proc)
{
	const struct slice *slice;

	TAILQ_FOREACH (slice, &proc->node->slices, next)
		for (unsigned int s = 0; s < slice->n_slivers; s++)
			for (unsigned int i = 0; i < slice->slivers[s].n_ifaces; i++) {
				const struct iface *iface = &slice->slivers[s].ifaces[i];
				struct lm_err err = {0};

				if (iface->added &&
					substrate_vif_add(&slice->slivers[s], iface, &err) < 0)
					lm_error("vif %s: %s", iface->vif, err.msg);
			}
}

static void set_timer(struct substrate_proc *proc, unsigned int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	event_add(proc->timer, &tv);
}

static void on_exit_event(evutil_socket_t fd, short what, void *arg)
{
	struct substrate_proc *proc = arg;
	int64_t ran_ms = node_now_ms() - proc->started_ms;
	int status = 0;

	(void)fd;
	(void)what;
	if (!reap(proc, &status))
		return;
	if (ran_ms > STEADY_MS)
		proc->backoff_ms = 0;
	lm_error("lamina-substrate died (%s %d) after %lld ms; starting it again in %u ms",
		WIFSIGNALED(status) ? "signal" : "exit",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)ran_ms,
		proc->backoff_ms);
	set_timer(proc, proc->backoff_ms);
	proc->backoff_ms = MIN(MAX(2 * proc->backoff_ms, 100U), BACKOFF_MAX_MS);
}

static void watch(struct substrate_proc *proc)
{
	proc->exit_event =
		event_new(proc->node->base, proc->pidfd, EV_READ | EV_PERSIST, on_exit_event, proc);
	event_add(proc->exit_event, NULL);
}

/* After its death: starts it, then comes back every PROBE_MS until it answers. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct substrate_proc *proc = arg;
	struct lm_err err = {0};

	(void)fd;
	(void)what;
	if (proc->pid == 0) {
		if (spawn(proc, &err) < 0) {
			lm_error("%s", err.msg);
			set_timer(proc, BACKOFF_MAX_MS);
			return;
		}
		proc->restarts++;
		watch(proc);
	}
	if (!substrate_answers(proc->node)) {
		/* its death brings it back here */
		if (node_now_ms() - proc->started_ms > START_MS) {
			lm_error("lamina-substrate does not answer after %d s; killing it",
				START_MS / 1000);
			kill(proc->pid, SIGKILL);
			return;
		}
		set_timer(proc, PROBE_MS);
		return;
	}
	/* vifs of the other ports can be served all the same */
	proc->complete = add_ports(proc, &err) == 0;
	if (!proc->complete)
		lm_error("%s", err.msg);
	add_vifs(proc);
	proc->ready = true;
	lm_info("lamina-substrate is back after %lld ms, pid %d",
		(long long)(node_now_ms() - proc->started_ms), (int)proc->pid);
}

struct substrate_proc *substrate_proc_start(struct node *node, struct lm_err *err)
{
	struct substrate_proc *proc = calloc(1, sizeof(*proc));

	if (proc == NULL) {
		lm_err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	proc->node = node;
	proc->pidfd = -1;
	proc->timer = event_new(node->base, -1, 0, on_timer, proc);
	if (spawn(proc, err) < 0 || wait_ready(proc, err) < 0 || add_ports(proc, err) < 0) {
		substrate_proc_stop(proc);
		return NULL;
	}
	proc->ready = true;
	proc->complete = true;
	watch(proc);
	return proc;
}

void substrate_proc_stop(struct substrate_proc *proc)
{
	int status;

	if (proc == NULL)
		return;
	if (proc->pid > 0) {
		struct pollfd p = {.fd = proc->pidfd, .events = POLLIN};

		kill(proc->pid, SIGTERM);
		if (poll(&p, 1, STOP_MS) <= 0) {
			lm_warning("lamina-substrate did not end on SIGTERM; killing it");
			kill(proc->pid, SIGKILL);
		}
		while (waitpid(proc->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (proc->exit_event != NULL)
		event_free(proc->exit_event);
	if (proc->pidfd >= 0)
		close(proc->pidfd);
	event_free(proc->timer);
	free(proc);
}

void substrate_proc_kill(const struct substrate_proc *proc)
{
	if (proc == NULL || proc->pid <= 0)
		return;
	lm_error("lamina-substrate (pid %d) hangs: killing it", (int)proc->pid);
	kill(proc->pid, SIGKILL);
}

pid_t substrate_proc_pid(const struct substrate_proc *proc)
{
	return proc != NULL ? proc->pid : 0;
}

bool substrate_proc_ready(const struct substrate_proc *proc)
{
	return proc != NULL && proc->ready;
}

bool substrate_proc_complete(const struct substrate_proc *proc)
{
	return proc != NULL && proc->complete;
}

unsigned int substrate_proc_restarts(const struct substrate_proc *proc)
{
	return proc != NULL ? proc->restarts : 0;
}
