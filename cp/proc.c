/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <event2/event.h>

#include "mp/log.h"

uint64_t proc_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

unsigned int proc_backoff_ms(unsigned int quick_deaths)
{
	unsigned int ms = PROC_BACKOFF_FIRST_MS;

	/* the first death is made good at once */
	if (quick_deaths <= 1)
		return 0;
	while (--quick_deaths > 1 && ms < PROC_BACKOFF_MAX_MS)
		ms *= 2;
	return ms < PROC_BACKOFF_MAX_MS ? ms : PROC_BACKOFF_MAX_MS;
}

static void arm(struct proc *p, unsigned int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	if (event_add(p->timer, &tv) < 0)
		lm_error("%s: cannot set a timer", p->spec.name);
}

static void back_off(struct proc *p)
{
	unsigned int ms;

	if (proc_now_ms() - p->started_ms >= PROC_HEALTHY_MS)
		p->quick_deaths = 0;
	ms = proc_backoff_ms(p->restarting ? 0 : ++p->quick_deaths);
	p->restarting = false;
	p->state = PROC_BACKOFF;
	arm(p, ms);
}

static void spawn_now(struct proc *p)
{
	int fd3 = p->spec.prepare != NULL ? p->spec.prepare(p, p->spec.ctx) : -1;
	pid_t pid = fd3 == -2 ? -EAGAIN : proc_spawn(p->spec.argv, p->spec.bare, fd3, -1);

	p->started_ms = proc_now_ms();
	if (pid < 0) {
		snprintf(p->last_exit, sizeof(p->last_exit), "cannot start: %s", strerror(-pid));
		lm_error("%s: %s", p->spec.name, p->last_exit);
		p->quick_deaths++; /* do not spin on the free first retry */
		back_off(p);
		return;
	}
	p->pid = pid;
	p->state = PROC_RUNNING;
	if (p->spec.started != NULL)
		p->spec.started(p, p->spec.ctx);
}

static void on_timer(int fd, short what, void *arg)
{
	struct proc *p = arg;

	(void)fd;
	(void)what;
	if (p->state == PROC_BACKOFF) {
		p->restarts++;
		spawn_now(p);
	} else if (p->state == PROC_RUNNING) {
		lm_warning("%s: did not end in time, killing it", p->spec.name);
		kill(p->pid, SIGKILL);
	}
}

int proc_init(struct proc *p, struct event_base *base, const struct proc_spec *spec)
{
	p->spec = *spec;
	p->timer = event_new(base, -1, 0, on_timer, p);
	return p->timer == NULL ? -ENOMEM : 0;
}

void proc_start(struct proc *p)
{
	p->wanted = true;
	if (p->state == PROC_STOPPED)
		spawn_now(p);
}

static void describe_exit(struct proc *p, int status)
{
	if (WIFSIGNALED(status))
		snprintf(p->last_exit, sizeof(p->last_exit), "signal %d", WTERMSIG(status));
	else
		snprintf(p->last_exit, sizeof(p->last_exit), "exit %d", WEXITSTATUS(status));
}

void proc_exited(struct proc *p, int status)
{
	event_del(p->timer);
	describe_exit(p, status);
	p->pid = 0;
	if (p->wanted) {
		back_off(p);
		lm_warning("%s: ended (%s), starting it again", p->spec.name, p->last_exit);
	} else {
		p->state = PROC_STOPPED;
	}
	if (p->spec.died != NULL)
		p->spec.died(p, p->spec.ctx);
}

static void ask_to_end(struct proc *p, unsigned int grace_ms)
{
	kill(p->pid, SIGTERM);
	arm(p, grace_ms);
}

void proc_stop(struct proc *p, unsigned int grace_ms)
{
	p->wanted = false;
	if (p->state == PROC_RUNNING) {
		ask_to_end(p, grace_ms);
	} else {
		if (p->timer != NULL)
			event_del(p->timer);
		p->state = PROC_STOPPED;
	}
}

void proc_restart(struct proc *p, unsigned int grace_ms)
{
	if (p->state == PROC_RUNNING) {
		p->restarting = true;
		ask_to_end(p, grace_ms);
	} else if (p->state == PROC_BACKOFF) {
		arm(p, 0);
	}
}

void proc_fini(struct proc *p)
{
	if (p->timer != NULL)
		event_free(p->timer);
	p->timer = NULL;
}

json_t *proc_json(const struct proc *p)
{
	static const char *const states[] = {"stopped", "running", "backoff"};

	return json_pack("{s:s, s:i, s:s, s:i, s:s}", "name", p->spec.name, "pid", (int)p->pid,
		"state", states[p->state], "restarts", (int)p->restarts, "last_exit", p->last_exit);
}
