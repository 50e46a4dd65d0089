/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/frr.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <event2/event.h>

#include "cp/frr_files.h"
#include "mp/log.h"

#define POLL_FIRST_MS	  5
#define POLL_MAX_MS	  250
#define CLIENTS_WAIT_MS	  5000 /* a client that is not up by then is configured later */
#define CLIENT_GRACE_MS	  2000
#define ZEBRA_GRACE_MS	  3000
#define CONFIG_ERRORS_MAX 64

static void look_soon(struct frr *frr)
{
	struct timeval tv = {.tv_usec = POLL_FIRST_MS * 1000};

	frr->poll_ms = POLL_FIRST_MS;
	event_add(frr->poll, &tv);
}

/* vtysh needs 50 ms for an ordinary text and 0.4 ms a line for very long ones */
static unsigned int config_timeout_s(const struct frr *frr)
{
	return 30 + (unsigned int)(strlen(frr->conf->config) / 4096);
}

static int give_config(struct frr *frr, const char *daemon)
{
	int rc = vtysh_run_start(&frr->vtysh, daemon, config_timeout_s(frr));

	if (rc < 0)
		lm_error("cannot start vtysh: %s", strerror(-rc));
	return rc;
}

static void give_first_config(struct frr *frr)
{
	if (give_config(frr, NULL) < 0)
		return; /* the poll timer comes again */
	for (unsigned int i = 0; i < frr->n_daemons; i++)
		if (frr->daemons[i].up)
			frr->daemons[i].needs_config = false;
}

/* Starts the next vtysh if one is due. */
static void give_config_where_due(struct frr *frr)
{
	unsigned int up = 0;

	if (frr->vtysh.pid != 0 || frr->stopping || !frr->clients_started)
		return;
	for (unsigned int i = 0; i < frr->n_daemons; i++)
		up += frr->daemons[i].up;
	if (!frr->configured) {
		if (up == frr->n_daemons || proc_now_ms() - frr->clients_ms >= CLIENTS_WAIT_MS)
			give_first_config(frr);
		return;
	}
	for (unsigned int i = 0; i < frr->n_daemons; i++) {
		struct frr_daemon *d = &frr->daemons[i];

		if (!d->up || !d->needs_config)
			continue;
		d->needs_config = give_config(frr, d->proc.spec.name) < 0;
		return;
	}
}

static void add_errors(struct frr *frr, const json_t *errors)
{
	size_t i, k;
	json_t *e, *old;

	json_array_foreach (errors, i, e) {
		bool known = false;

		lm_warning("configuration: %s", json_string_value(e));
		json_array_foreach (frr->config_errors, k, old)
			known = known || json_equal(old, e);
		if (!known && json_array_size(frr->config_errors) < CONFIG_ERRORS_MAX)
			json_array_append(frr->config_errors, e);
	}
}

/* A new zebra must know its router id and route maps before it hears the daemons again. */
static void relay_when_configured(struct frr *frr)
{
	const struct frr_daemon *zebra = &frr->daemons[0];

	if (frr->relayed && zebra->up && !zebra->needs_config && !frr->relay.up)
		zebra_relay_up(&frr->relay, true);
}

static void on_config_done(void *ctx, json_t *errors)
{
	struct frr *frr = ctx;
	bool first = !frr->configured;

	add_errors(frr, errors);
	json_decref(errors);
	frr->configured = true;
	relay_when_configured(frr);
	if (first && frr->on_configured != NULL)
		frr->on_configured(frr->ctx);
	give_config_where_due(frr);
}

static void start_clients(struct frr *frr)
{
	frr->clients_started = true;
	frr->clients_ms = proc_now_ms();
	for (unsigned int i = 1; i < frr->n_daemons; i++)
		proc_start(&frr->daemons[i].proc);
}

/* Asks the daemons that are not up yet whether they are; comes again while there are such. */
static void on_poll(int fd, short what, void *arg)
{
	struct frr *frr = arg;
	bool waiting = false;

	(void)fd;
	(void)what;
	if (frr->stopping)
		return;
	for (unsigned int i = 0; i < frr->n_daemons; i++) {
		struct frr_daemon *d = &frr->daemons[i];

		if (d->up || d->proc.state != PROC_RUNNING)
			continue;
		d->up = frr_vty_listens(d->proc.spec.name);
	}
	if (frr->daemons[0].up && !frr->clients_started) {
		if (frr->relayed)
			zebra_relay_up(&frr->relay, false);
		start_clients(frr);
		return; /* each start looks soon */
	}
	give_config_where_due(frr);
	for (unsigned int i = 0; i < frr->n_daemons; i++) {
		const struct frr_daemon *d = &frr->daemons[i];

		waiting = waiting || (d->proc.state == PROC_RUNNING && (!d->up || d->needs_config));
	}
	if (waiting) {
		struct timeval tv = {.tv_usec = frr->poll_ms * 1000};

		frr->poll_ms += frr->poll_ms / 4 + 1;
		if (frr->poll_ms > POLL_MAX_MS)
			frr->poll_ms = POLL_MAX_MS;
		event_add(frr->poll, &tv);
	}
}

static int daemon_prepare(struct proc *p, void *ctx)
{
	struct frr_daemon *d = ctx;

	frr_files_clean(p->spec.name, d->last_pid);
	return -1;
}

static void daemon_started(struct proc *p, void *ctx)
{
	struct frr_daemon *d = ctx;

	d->last_pid = p->pid;
	d->up = false;
	d->needs_config = true;
	look_soon(d->frr);
}

static void daemon_died(struct proc *p, void *ctx)
{
	struct frr_daemon *d = ctx;

	(void)p;
	d->up = false;
	if (d->frr->relayed && d == &d->frr->daemons[0])
		zebra_relay_down(&d->frr->relay);
}

/* Opens the relay if this FRR is one whose ZAPI it knows. */
static int open_relay(struct frr *frr, struct lm_err *err)
{
	const struct passwd *user = getpwnam("frr");

	if (user == NULL || !frr_version_is("8.4")) {
		lm_warning("FRR is not 8.4: when zebra dies the daemons lose their connections");
		return 0;
	}
	frr->relayed = true;
	return zebra_relay_open(&frr->relay, frr->base, user->pw_uid, user->pw_gid, err);
}

int frr_init(struct frr *frr, struct event_base *base, const struct sliver_conf *conf,
	struct lm_err *err)
{
	const char *profile = frr_config_profile(conf->config);
	int rc = frr_files_make(conf, err);

	if (rc < 0)
		return lm_err_context(err, "cannot prepare FRR");
	frr->base = base;
	frr->conf = conf;
	frr->config_errors = json_array();
	frr->poll = event_new(base, -1, 0, on_poll, frr);
	if (frr->config_errors == NULL || frr->poll == NULL ||
		vtysh_run_init(&frr->vtysh, base, on_config_done, frr) < 0)
		return lm_err_set(err, ENOMEM, "out of memory");
	rc = open_relay(frr, err);
	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < conf->n_daemons; i++) {
		struct frr_daemon *d = &frr->daemons[i];
		struct proc_spec spec = {.name = conf->daemons[i],
			.argv = d->argv,
			.prepare = daemon_prepare,
			.started = daemon_started,
			.died = daemon_died,
			.ctx = d};

		d->frr = frr;
		frr_daemon_argv(conf->daemons[i], profile,
			frr->relayed ? ZEBRA_RELAY_UPSTREAM : NULL, d->argv, d->argv_text,
			sizeof(d->argv_text));
		if (proc_init(&d->proc, base, &spec) < 0)
			return lm_err_set(err, ENOMEM, "out of memory");
		frr->n_daemons++;
	}
	return 0;
}

void frr_start(struct frr *frr)
{
	proc_start(&frr->daemons[0].proc);
}

void frr_stop_clients(struct frr *frr)
{
	frr->stopping = true;
	event_del(frr->poll);
	vtysh_run_fini(&frr->vtysh);
	for (unsigned int i = 1; i < frr->n_daemons; i++)
		proc_stop(&frr->daemons[i].proc, CLIENT_GRACE_MS);
}

void frr_stop_zebra(struct frr *frr)
{
	proc_stop(&frr->daemons[0].proc, ZEBRA_GRACE_MS);
}

void frr_fini(struct frr *frr)
{
	vtysh_run_fini(&frr->vtysh);
	zebra_relay_close(&frr->relay);
	for (unsigned int i = 0; i < frr->n_daemons; i++)
		proc_fini(&frr->daemons[i].proc);
	if (frr->poll != NULL)
		event_free(frr->poll);
	frr->poll = NULL;
	json_decref(frr->config_errors);
	frr->config_errors = NULL;
}
