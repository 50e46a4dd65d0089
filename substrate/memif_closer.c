/* SPDX-License-Identifier: BSD-3-Clause */
#include "substrate/memif_closer.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define END_WAIT_MS 50 /* for the thread to finish, before it is left to itself */

struct memif_closer {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t thread;
	size_t n, at; /* a ring: n waiting, the first at `at` */
	bool started;
	bool ending;
	bool done;   /* the thread will not look at this again */
	bool orphan; /* the thread frees this */
	int fd[MEMIF_CLOSES_MAX];
};

struct memif_closer *memif_closer_new(void)
{
	struct memif_closer *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	return c;
}

static void closer_free(struct memif_closer *c)
{
	pthread_cond_destroy(&c->more);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void *closer_main(void *arg)
{
	struct memif_closer *c = arg;
	bool orphan;

	pthread_mutex_lock(&c->lock);
	while (c->n > 0 || !c->ending) {
		if (c->n == 0) {
			pthread_cond_wait(&c->more, &c->lock);
			continue;
		}
		int fd = c->fd[c->at];
		pthread_mutex_unlock(&c->lock);
		close(fd);
		pthread_mutex_lock(&c->lock);
		c->at = (c->at + 1) % MEMIF_CLOSES_MAX;
		c->n--;
	}
	c->done = true;
	orphan = c->orphan;
	pthread_mutex_unlock(&c->lock);
	if (orphan)
		closer_free(c);
	return NULL;
}

/* Signals are the control thread's. */
static bool closer_start(struct memif_closer *c)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	c->started = pthread_create(&c->thread, NULL, closer_main, c) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return c->started;
}

void memif_closer_put(struct memif_closer *c, int fd)
{
	bool taken = false;

	pthread_mutex_lock(&c->lock);
	if ((c->started || closer_start(c)) && c->n < MEMIF_CLOSES_MAX) {
		c->fd[(c->at + c->n) % MEMIF_CLOSES_MAX] = fd;
		c->n++;
		taken = true;
		pthread_cond_signal(&c->more);
	}
	pthread_mutex_unlock(&c->lock);
	if (!taken)
		close(fd);
}

size_t memif_closer_backlog(struct memif_closer *c)
{
	pthread_mutex_lock(&c->lock);
	size_t n = c->n;
	pthread_mutex_unlock(&c->lock);
	return n;
}

void memif_closer_end(struct memif_closer *c)
{
	struct timespec until;

	if (c == NULL)
		return;
	if (!c->started) {
		closer_free(c);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += END_WAIT_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	if (pthread_timedjoin_np(c->thread, NULL, &until) == 0) {
		closer_free(c);
		return;
	}
	pthread_detach(c->thread);
	pthread_mutex_lock(&c->lock);
	bool done = c->done;
	c->orphan = true;
	pthread_mutex_unlock(&c->lock);
	if (done)
		closer_free(c);
}
