/* SPDX-License-Identifier: BSD-3-Clause */
/* Adds and removes ports, vifs and cross-connects. */
#include "substrate/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mp/cleanup.h"
#include "mp/log.h"
#include "substrate/config.h"
#include "substrate/port.h"
#include "substrate/table.h"

struct counters *counters_new(const struct substrate *s)
{
	size_t size = s->n_workers * sizeof(struct counters);
	void *c = NULL;

	if (posix_memalign(&c, RTE_CACHE_LINE_SIZE, size) != 0)
		return NULL;
	memset(c, 0, size);
	return c;
}

/* struct port and struct vif hold nothing that needs more than a pointer's alignment, but their
 * queues are hot: start them on a cache line. */
static void *object_new(size_t size)
{
	void *o = NULL;

	if (posix_memalign(&o, RTE_CACHE_LINE_SIZE, size) != 0)
		return NULL;
	memset(o, 0, size);
	return o;
}

static json_t *no_memory(struct lm_err *err)
{
	lm_err_set(err, ENOMEM, "out of memory");
	return NULL;
}

static const char *get_name(const json_t *params, struct lm_err *err)
{
	json_error_t je;
	const char *name;

	if (json_unpack_ex((json_t *)(uintptr_t)params, &je, JSON_STRICT, "{s:s}", "name", &name) ==
		0)
		return name;
	lm_err_set(err, EINVAL, "params must be {\"name\": ...}: %s", je.text);
	return NULL;
}

static json_t *port_add(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct port *p = object_new(sizeof(*p));
	struct substrate *s = ctx;
	const char *devargs;

	(void)peer;
	if (p == NULL)
		return no_memory(err);
	if (config_port(s, params, p, &devargs, err) != 0)
		goto fail;
	p->counters = counters_new(s);
	if (p->counters == NULL) {
		no_memory(err);
		goto fail;
	}
	p->id = ++s->last_id;
	if (port_open(s, p, devargs, err) != 0)
		goto fail;
	TAILQ_INSERT_TAIL(&s->ports, p, next);
	if (table_publish(s, err) != 0) {
		TAILQ_REMOVE(&s->ports, p, next);
		port_close(p);
		goto fail;
	}
	lm_info("port %s: %s, MTU %u, waits by %s", p->name,
		p->mode == PORT_TRUNK ? "trunk" : "access", p->mtu, port_wait_name(p->wait));
	return json_object();
fail:
	free(p->counters);
	free(p);
	return NULL;
}

static json_t *port_del(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *name = get_name(params, err);
	struct substrate *s = ctx;
	const struct vif *v;
	const struct xc *x;
	struct port *p;

	(void)peer;
	if (name == NULL)
		return NULL;
	p = find_port(s, name);
	if (p == NULL) {
		lm_err_set(err, ENOENT, "there is no port %s", name);
		return NULL;
	}
	TAILQ_FOREACH (v, &s->vifs, next) {
		if (v->port == p) {
			lm_err_set(err, EBUSY, "port %s: vif %s uses it", name, v->name);
			return NULL;
		}
	}
	TAILQ_FOREACH (x, &s->xcs, next) {
		if (x->in.port == p || x->out.port == p) {
			lm_err_set(err, EBUSY, "port %s: cross-connect %s uses it", name, x->name);
			return NULL;
		}
	}
	TAILQ_REMOVE(&s->ports, p, next);
	if (table_publish(s, err) != 0) {
		TAILQ_INSERT_TAIL(&s->ports, p, next);
		return NULL;
	}
	port_close(p);
	free(p->counters);
	free(p);
	return json_object();
}

/* The lowest slot that no vif has. */
static uint32_t free_slot(const struct substrate *s)
{
	const struct vif *v;
	uint32_t slot = 0;
	bool again;

	do {
		again = false;
		TAILQ_FOREACH (v, &s->vifs, next) {
			if (v->slot == slot) {
				slot++;
				again = true;
			}
		}
	} while (again);
	return slot;
}

static void vif_release(struct vif *v, bool keep)
{
	v->backend->close(v, keep);
	free(v->counters);
	free(v);
}

static json_t *vif_add(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct vif *v = object_new(sizeof(*v));
	struct substrate *s = ctx;
	const json_t *backend;

	(void)peer;
	if (v == NULL)
		return no_memory(err);
	if (config_vif(s, params, v, &backend, err) != 0)
		goto fail;
	v->counters = counters_new(s);
	if (v->counters == NULL) {
		no_memory(err);
		goto fail;
	}
	v->id = ++s->last_id;
	v->slot = free_slot(s);
	if (v->slot > UINT16_MAX) {
		lm_err_set(err, ENOSPC, "vif %s: there are 65536 already", v->name);
		goto fail;
	}
	if (v->backend->open(s, v, backend, err) != 0) {
		lm_err_context(err, "vif %s", v->name);
		goto fail;
	}
	TAILQ_INSERT_TAIL(&s->vifs, v, next);
	if (table_publish(s, err) != 0) {
		TAILQ_REMOVE(&s->vifs, v, next);
		vif_release(v, false);
		return NULL;
	}
	return json_object();
fail:
	free(v->counters);
	free(v);
	return NULL;
}

static json_t *vif_del(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *name = get_name(params, err);
	struct substrate *s = ctx;
	struct vif *v;

	(void)peer;
	if (name == NULL)
		return NULL;
	v = find_vif(s, name);
	if (v == NULL) {
		lm_err_set(err, ENOENT, "there is no vif %s", name);
		return NULL;
	}
	TAILQ_REMOVE(&s->vifs, v, next);
	if (table_publish(s, err) != 0) {
		TAILQ_INSERT_TAIL(&s->vifs, v, next);
		return NULL;
	}
	vif_release(v, false);
	return json_object();
}

static json_t *xc_add(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct xc *x = object_new(sizeof(*x));
	struct substrate *s = ctx;

	(void)peer;
	if (x == NULL)
		return no_memory(err);
	if (config_xc(s, params, x, err) != 0)
		goto fail;
	x->counters = counters_new(s);
	if (x->counters == NULL) {
		no_memory(err);
		goto fail;
	}
	TAILQ_INSERT_TAIL(&s->xcs, x, next);
	if (table_publish(s, err) != 0) {
		TAILQ_REMOVE(&s->xcs, x, next);
		goto fail;
	}
	return json_object();
fail:
	free(x->counters);
	free(x);
	return NULL;
}

static json_t *xc_del(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *name = get_name(params, err);
	struct substrate *s = ctx;
	struct xc *x;

	(void)peer;
	if (name == NULL)
		return NULL;
	x = find_xc(s, name);
	if (x == NULL) {
		lm_err_set(err, ENOENT, "there is no cross-connect %s", name);
		return NULL;
	}
	TAILQ_REMOVE(&s->xcs, x, next);
	if (table_publish(s, err) != 0) {
		TAILQ_INSERT_TAIL(&s->xcs, x, next);
		return NULL;
	}
	free(x->counters);
	free(x);
	return json_object();
}

const struct lm_rpc_method control_methods[] = {
	{"port.add", port_add},
	{"port.del", port_del},
	{"vif.add", vif_add},
	{"vif.del", vif_del},
	{"xc.add", xc_add},
	{"xc.del", xc_del},
	{"status", report_status},
	{"counters", report_counters},
	{NULL, NULL},
};

/* Did the server's own answer say "error"? */
static int check_answer(const char *answer, struct lm_err *err)
{
	lm_cleanup_json json_t *j = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
	const json_t *e = json_object_get(j, "error");
	const char *message = json_string_value(json_object_get(e, "message"));

	if (e == NULL)
		return 0;
	return lm_err_set(err, EINVAL, "%s", message != NULL ? message : "failed");
}

int control_load(struct substrate *s, const char *path, struct lm_err *err)
{
	const struct lm_rpc_peer self = {.pid = getpid(), .uid = getuid(), .gid = getgid()};
	lm_cleanup_file FILE *f = fopen(path, "re");
	lm_cleanup_free char *line = NULL;
	unsigned int number = 0;
	size_t len, room = 0;

	if (f == NULL)
		return lm_err_errno(err, errno, "%s", path);
	while (getline(&line, &room, f) >= 0) {
		lm_cleanup_free char *answer = NULL;

		number++;
		len = strcspn(line, "\n");
		if (strspn(line, " \t") == len || line[0] == '#')
			continue;
		answer = lm_rpc_answer(line, len, control_methods, s, &self);
		if (check_answer(answer, err) != 0)
			return lm_err_context(err, "%s:%u", path, number);
	}
	return 0;
}

void control_end(struct substrate *s)
{
	struct port *p;
	struct vif *v;
	struct xc *x;

	while ((v = TAILQ_FIRST(&s->vifs)) != NULL) {
		TAILQ_REMOVE(&s->vifs, v, next);
		vif_release(v, true);
	}
	while ((x = TAILQ_FIRST(&s->xcs)) != NULL) {
		TAILQ_REMOVE(&s->xcs, x, next);
		free(x->counters);
		free(x);
	}
	while ((p = TAILQ_FIRST(&s->ports)) != NULL) {
		TAILQ_REMOVE(&s->ports, p, next);
		port_close(p);
		free(p->counters);
		free(p);
	}
	table_free(atomic_exchange(&s->table, NULL));
}
