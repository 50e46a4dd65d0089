/* SPDX-License-Identifier: BSD-3-Clause */
/* One supervised child process: started, restarted with back-off when it dies, stopped in time. */
#ifndef LM_CP_PROC_H
#define LM_CP_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>

#define PROC_BACKOFF_FIRST_MS 100
#define PROC_BACKOFF_MAX_MS   5000
#define PROC_HEALTHY_MS	      10000 /* a life this long resets the back-off */

struct event;
struct event_base;
struct proc;

enum proc_state { PROC_STOPPED, PROC_RUNNING, PROC_BACKOFF };

struct proc_spec {
	const char *name;
	const char *const *argv; /* borrowed; ends with NULL */
	bool bare;		 /* run without capabilities, with groups frr and frrvty */
	/** Called before each start; returns the descriptor the child gets as 3, -1 for none, or -2
	 * when it cannot start now. May be NULL. */
	int (*prepare)(struct proc *p, void *ctx);
	void (*started)(struct proc *p, void *ctx); /* may be NULL */
	void (*died)(struct proc *p, void *ctx);    /* may be NULL */
	void *ctx;
};

struct proc {
	struct proc_spec spec;
	struct event *timer; /* back-off while down, the SIGKILL deadline while stopping */
	enum proc_state state;
	bool wanted;
	bool restarting; /* process.restart asked: no back-off for this death */
	pid_t pid;
	unsigned int restarts, quick_deaths;
	uint64_t started_ms;
	char last_exit[48]; /* "" before the first death */
};

/** Milliseconds of CLOCK_MONOTONIC. */
uint64_t proc_now_ms(void);

/** Prepare `p` (zeroed); nothing runs yet. 0 or -ENOMEM. */
int proc_init(struct proc *p, struct event_base *base, const struct proc_spec *spec);

/** Start, and keep running from now on. */
void proc_start(struct proc *p);

/** The reaper saw p->pid end with wait status `status`. */
void proc_exited(struct proc *p, int status);

/** End it for good: SIGTERM, SIGKILL `grace_ms` later. */
void proc_stop(struct proc *p, unsigned int grace_ms);

/** End it as proc_stop() does and start it again at once. A proc in back-off starts now. */
void proc_restart(struct proc *p, unsigned int grace_ms);

/** Release the timer. */
void proc_fini(struct proc *p);

/** How long to wait before the start after `quick_deaths` short lives in a row. */
unsigned int proc_backoff_ms(unsigned int quick_deaths);

/** {"name","pid","state","restarts","last_exit"} (docs/architecture.md). */
json_t *proc_json(const struct proc *p);

/**
 * fork() and exec argv[0] with an empty signal mask, standard input from /dev/null, standard
 * output and error `out_fd` (-1: where our standard error goes), descriptor 3 = `fd3` (-1: closed)
 * and none above. Returns the pid or a negative errno. A program that cannot be executed exits 127.
 */
pid_t proc_spawn(const char *const argv[], bool bare, int fd3, int out_fd);

#endif
