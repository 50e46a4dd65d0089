/* SPDX-License-Identifier: BSD-3-Clause */
/* From JSON to ports, vifs and cross-connects. */
#include "substrate/config.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "substrate/vif.h"

/* What a caller wants of the union of two pointers to const that jansson takes without const. */
static json_t *mut(const json_t *j)
{
	return (json_t *)(uintptr_t)j;
}

struct port *find_port(const struct substrate *s, const char *name)
{
	struct port *p;

	TAILQ_FOREACH (p, &s->ports, next) {
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

struct vif *find_vif(const struct substrate *s, const char *name)
{
	struct vif *v;

	TAILQ_FOREACH (v, &s->vifs, next) {
		if (strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

struct xc *find_xc(const struct substrate *s, const char *name)
{
	struct xc *x;

	TAILQ_FOREACH (x, &s->xcs, next) {
		if (strcmp(x->name, name) == 0)
			return x;
	}
	return NULL;
}

/* Copy a name after checking it. */
static int set_name(char out[NAME_LEN], const char *what, const char *name, struct lm_err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len >= NAME_LEN)
		return lm_err_set(
			err, EINVAL, "%s: a name must have 1-%d characters", what, NAME_LEN - 1);
	for (size_t i = 0; i < len; i++) {
		if (!isgraph((unsigned char)name[i]))
			return lm_err_set(err, EINVAL,
				"%s: a name must have no blanks or control characters", what);
	}
	memcpy(out, name, len + 1);
	return 0;
}

static int check_range(
	const char *what, json_int_t value, json_int_t min, json_int_t max, struct lm_err *err)
{
	if (value < min || value > max)
		return lm_err_set(err, EINVAL, "%s is %lld, must be %lld-%lld", what,
			(long long)value, (long long)min, (long long)max);
	return 0;
}

/* The worker an object is for: the one asked for (1..), or the one with the least ports and vifs.
 */
static int choose_worker(
	const struct substrate *s, json_int_t wish, struct worker **out, struct lm_err *err)
{
	unsigned int load[WORKERS_MAX] = {0};
	const struct port *p;
	const struct vif *v;
	unsigned int best = 0;

	if (wish != 0) {
		int rc = check_range("worker", wish, 1, s->n_workers, err);

		if (rc == 0)
			*out = (struct worker *)(uintptr_t)&s->workers[wish - 1];
		return rc;
	}
	TAILQ_FOREACH (p, &s->ports, next)
		load[p->worker->idx]++;
	TAILQ_FOREACH (v, &s->vifs, next)
		load[v->worker->idx]++;
	for (unsigned int i = 1; i < s->n_workers; i++) {
		if (load[i] < load[best])
			best = i;
	}
	*out = (struct worker *)(uintptr_t)&s->workers[best];
	return 0;
}

int config_port(const struct substrate *s, const json_t *params, struct port *p,
	const char **devargs, struct lm_err *err)
{
	json_int_t mtu, vlan = 0, worker = 0;
	const char *name, *mode;
	json_error_t je;
	int poll = 0, rc;

	if (json_unpack_ex(mut(params), &je, JSON_STRICT, "{s:s, s:s, s:s, s:I, s?I, s?b, s?I}",
		    "name", &name, "devargs", devargs, "mode", &mode, "mtu", &mtu, "vlan", &vlan,
		    "poll", &poll, "worker", &worker) != 0)
		return lm_err_set(err, EINVAL, "port.add: %s", je.text);
	if ((rc = set_name(p->name, "port", name, err)) != 0)
		return rc;
	if (find_port(s, name) != NULL)
		return lm_err_set(err, EEXIST, "port %s: exists already", name);
	if (strcmp(mode, "trunk") == 0)
		p->mode = PORT_TRUNK;
	else if (strcmp(mode, "access") == 0)
		p->mode = PORT_ACCESS;
	else
		return lm_err_set(err, EINVAL, "port %s: mode must be trunk or access", name);
	if ((rc = check_range("mtu", mtu, 68, s->opt.frame_max - LM_WIRE_ETH_LEN - LM_WIRE_VLAN_LEN,
		     err)) != 0 ||
		(rc = check_range("vlan", vlan, 0, 4094, err)) != 0 ||
		(rc = choose_worker(s, worker, &p->worker, err)) != 0) {
		lm_err_context(err, "port %s", name);
		return rc;
	}
	if (vlan != 0 && p->mode == PORT_ACCESS)
		return lm_err_set(err, EINVAL, "port %s: a VLAN id is for trunk ports only", name);
	p->mtu = (uint16_t)mtu;
	p->vlan = (uint16_t)vlan;
	p->wait = poll ? PORT_WAIT_POLL : PORT_WAIT_FD;
	p->out.is_port = true;
	p->rx_fd = -1;
	lm_wire_template_tag(&p->tag, p->vlan);
	return 0;
}

/* {"port","slice_id","type","vif_id"} with the rules of the types. */
static int check_key(const char *what, const struct wire_key *k, json_int_t slice_id,
	json_int_t type, json_int_t vif_id, struct lm_err *err)
{
	bool has_vif_id = type == LM_WIRE_VIF || type == LM_WIRE_LOCATOR;

	if (k->port->mode != PORT_TRUNK)
		return lm_err_set(err, EINVAL, "%s: port %s is not a trunk", what, k->port->name);
	if (slice_id < 1 || slice_id > UINT32_MAX)
		return lm_err_set(err, EINVAL, "%s: slice_id must be 1-4294967295", what);
	if (!(type >= LM_WIRE_SLICE && type <= LM_WIRE_LOCATOR) &&
		!(type >= LM_WIRE_OWN_FIRST && type <= UINT8_MAX))
		return lm_err_set(err, EINVAL, "%s: type must be 1, 2, 3 or 128-255", what);
	if (vif_id < 0 || vif_id > UINT32_MAX)
		return lm_err_set(err, EINVAL, "%s: vif_id must be 0-4294967295", what);
	if (vif_id != 0 && !has_vif_id)
		return lm_err_set(err, EINVAL, "%s: type %d carries no vif_id", what, (int)type);
	return 0;
}

static int read_macs(const json_t *macs, struct vif *v, struct lm_err *err)
{
	const json_t *mac;
	size_t i;

	if (!json_is_array(macs) || json_array_size(macs) == 0 || json_array_size(macs) > VMACS_MAX)
		return lm_err_set(
			err, EINVAL, "vif %s: macs must be a list of 1-%d", v->name, VMACS_MAX);
	json_array_foreach (macs, i, mac) {
		const char *text = json_string_value(mac);
		struct rte_ether_addr a;

		if (text == NULL || strlen(text) != 17 || rte_ether_unformat_addr(text, &a) != 0)
			return lm_err_set(err, EINVAL,
				"vif %s: macs: \"%s\" is not of the form 02:00:00:00:00:01",
				v->name, text != NULL ? text : "?");
		if (!rte_is_valid_assigned_ether_addr(&a))
			return lm_err_set(
				err, EINVAL, "vif %s: %s is no interface's address", v->name, text);
		memcpy(v->macs[i], a.addr_bytes, RTE_ETHER_ADDR_LEN);
		v->n_macs++;
	}
	return 0;
}

/* A patch vlink: all its vifs are on one worker. */
static int attach_patch(const struct substrate *s, const json_t *attach, struct vif *v,
	json_int_t worker, struct lm_err *err)
{
	const char *kind, *link;
	const struct vif *other;
	json_error_t je;
	int rc;

	if (json_unpack_ex(
		    mut(attach), &je, JSON_STRICT, "{s:s, s:s}", "kind", &kind, "link", &link) != 0)
		return lm_err_set(err, EINVAL, "vif %s: attach: %s", v->name, je.text);
	rc = set_name(v->link, "link", link, err);
	if (rc != 0)
		return rc;
	if (v->is_inline)
		return lm_err_set(err, EINVAL,
			"vif %s: header inline needs a trunk port; a patch has no slice header",
			v->name);
	TAILQ_FOREACH (other, &s->vifs, next) {
		if (worker == 0 && other->attach == ATTACH_PATCH &&
			strcmp(other->link, link) == 0) {
			v->worker = other->worker;
			return 0;
		}
	}
	return choose_worker(s, worker, &v->worker, err);
}

/* The plain frames of an access port, or a trunk's frames without slice header: one vif only. */
static int attach_plain(const struct substrate *s, struct vif *v, struct lm_err *err)
{
	const struct vif *other;

	if (v->attach == ATTACH_ACCESS && v->port->mode != PORT_ACCESS)
		return lm_err_set(err, EINVAL, "vif %s: port %s is not an access port", v->name,
			v->port->name);
	if (v->attach == ATTACH_LEGACY && v->port->mode != PORT_TRUNK)
		return lm_err_set(
			err, EINVAL, "vif %s: port %s is not a trunk", v->name, v->port->name);
	if (v->is_inline)
		return lm_err_set(err, EINVAL, "vif %s: header inline needs a trunk port", v->name);
	TAILQ_FOREACH (other, &s->vifs, next) {
		if (other->port == v->port && other->attach == v->attach)
			return lm_err_set(err, EEXIST, "vif %s: port %s has its %s vif already: %s",
				v->name, v->port->name,
				v->attach == ATTACH_ACCESS ? "access" : "legacy", other->name);
	}
	if (v->mtu > v->port->mtu)
		return lm_err_set(err, EINVAL, "vif %s: MTU %u is over the %u of port %s", v->name,
			v->mtu, v->port->mtu, v->port->name);
	return 0;
}

/* All vifs of a key share its frames, so they must agree; a cross-connect has a key for itself. */
static int check_shared_key(const struct substrate *s, const struct vif *v, struct lm_err *err)
{
	const struct vif *other;
	const struct xc *x;

	TAILQ_FOREACH (other, &s->vifs, next) {
		if (other->attach == ATTACH_TRUNK && other->port == v->port &&
			other->type == v->type && other->slice_id == v->slice_id &&
			other->vif_id == v->vif_id && other->max_words != v->max_words)
			return lm_err_set(err, EINVAL,
				"vif %s: max_words must be %u, as of vif %s with the same key",
				v->name, other->max_words, other->name);
	}
	TAILQ_FOREACH (x, &s->xcs, next) {
		if (x->in.port == v->port && x->in.type == v->type &&
			x->in.slice_id == v->slice_id && x->in.vif_id == v->vif_id)
			return lm_err_set(err, EEXIST,
				"vif %s: cross-connect %s takes the frames of this key", v->name,
				x->name);
	}
	return 0;
}

static int attach_trunk(const struct substrate *s, json_int_t slice_id, json_int_t type,
	json_int_t vif_id, json_int_t max_words, struct vif *v, struct lm_err *err)
{
	struct wire_key k = {.port = v->port};
	unsigned int words;
	int rc = check_key("vif", &k, slice_id, type, vif_id, err);

	if (rc != 0)
		return lm_err_context(err, "%s", v->name);
	if (v->is_inline != (type >= LM_WIRE_LOCATOR))
		return lm_err_set(err, EINVAL,
			"vif %s: types 1 and 2 go with header strip, 3 and 128-255 with inline",
			v->name);
	if (type >= LM_WIRE_OWN_FIRST && (max_words < 1 || max_words > UINT8_MAX))
		return lm_err_set(
			err, EINVAL, "vif %s: type %d needs max_words 1-255", v->name, (int)type);
	if (type < LM_WIRE_OWN_FIRST && max_words != 0)
		return lm_err_set(err, EINVAL, "vif %s: max_words is for types 128-255", v->name);
	words = type >= LM_WIRE_OWN_FIRST ? (unsigned int)max_words
		: type == LM_WIRE_LOCATOR ? 4U
					  : (unsigned int)type;
	if (v->mtu + LM_WIRE_HDR_LEN(words) > v->port->mtu)
		return lm_err_set(err, EINVAL,
			"vif %s: MTU %u and %u octets of slice header are over the %u of port %s",
			v->name, v->mtu, LM_WIRE_HDR_LEN(words), v->port->mtu, v->port->name);
	v->slice_id = (uint32_t)slice_id;
	v->vif_id = (uint32_t)vif_id;
	v->type = (uint8_t)type;
	v->max_words = (uint8_t)words;
	if (!v->is_inline)
		lm_wire_template_set(&v->header, s->opt.slice_ethertype, v->port->vlan, v->type,
			v->slice_id, v->vif_id);
	return check_shared_key(s, v, err);
}

static int read_attach(const struct substrate *s, const json_t *attach, json_int_t slice_id,
	json_int_t max_words, json_int_t worker, struct vif *v, struct lm_err *err)
{
	const char *kind = json_string_value(json_object_get(attach, "kind"));
	json_int_t type = 0, vif_id = 0;
	const char *port;
	json_error_t je;
	int rc;

	if (kind != NULL && strcmp(kind, "patch") == 0) {
		v->attach = ATTACH_PATCH;
		return attach_patch(s, attach, v, worker, err);
	}
	if (json_unpack_ex(mut(attach), &je, JSON_STRICT, "{s:s, s:s, s?I, s?I}", "kind", &kind,
		    "port", &port, "type", &type, "vif_id", &vif_id) != 0)
		return lm_err_set(err, EINVAL, "vif %s: attach: %s", v->name, je.text);
	v->port = find_port(s, port);
	if (v->port == NULL)
		return lm_err_set(err, ENOENT, "vif %s: there is no port %s", v->name, port);
	v->worker = v->port->worker;
	if (worker != 0 && (rc = choose_worker(s, worker, &v->worker, err)) != 0)
		return rc;
	if (strcmp(kind, "trunk") == 0) {
		v->attach = ATTACH_TRUNK;
		return attach_trunk(s, slice_id, type, vif_id, max_words, v, err);
	}
	if (strcmp(kind, "access") == 0)
		v->attach = ATTACH_ACCESS;
	else if (strcmp(kind, "legacy") == 0)
		v->attach = ATTACH_LEGACY;
	else
		return lm_err_set(err, EINVAL,
			"vif %s: attach kind must be trunk, access, legacy or patch", v->name);
	return attach_plain(s, v, err);
}

static int read_backend_kind(const json_t *backend, struct vif *v, struct lm_err *err)
{
	static const struct vif_backend *const kinds[] = {&vif_memif, &vif_tap};
	const char *kind = json_string_value(json_object_get(backend, "kind"));

	for (size_t i = 0; kind != NULL && i < RTE_DIM(kinds); i++) {
		if (strcmp(kinds[i]->kind, kind) == 0) {
			v->backend = kinds[i];
			return 0;
		}
	}
	return lm_err_set(err, EINVAL, "vif %s: backend kind must be memif or tap", v->name);
}

int config_vif(const struct substrate *s, const json_t *params, struct vif *v,
	const json_t **backend, struct lm_err *err)
{
	json_int_t slice_id = 0, max_words = 0, mtu, worker = 0;
	const char *name, *header = "strip";
	json_t *attach, *macs, *back;
	int promisc = 0;
	json_error_t je;

	if (json_unpack_ex(mut(params), &je, JSON_STRICT,
		    "{s:s, s?I, s:o, s?s, s?I, s:o, s?b, s:I, s:o, s?I}", "name", &name, "slice_id",
		    &slice_id, "attach", &attach, "header", &header, "max_words", &max_words,
		    "macs", &macs, "promisc", &promisc, "mtu", &mtu, "backend", &back, "worker",
		    &worker) != 0)
		return lm_err_set(err, EINVAL, "vif.add: %s", je.text);
	if (set_name(v->name, "vif", name, err) != 0)
		return -err->code;
	if (find_vif(s, name) != NULL)
		return lm_err_set(err, EEXIST, "vif %s: exists already", name);
	if (strcmp(header, "strip") != 0 && strcmp(header, "inline") != 0)
		return lm_err_set(err, EINVAL, "vif %s: header must be strip or inline", name);
	v->is_inline = strcmp(header, "inline") == 0;
	v->promisc = promisc != 0;
	if (check_range("mtu", mtu, 68, s->opt.frame_max - LM_WIRE_ETH_LEN - LM_WIRE_VLAN_LEN,
		    err) != 0)
		return lm_err_context(err, "vif %s", name);
	v->mtu = (uint16_t)mtu;
	if (read_macs(macs, v, err) != 0 ||
		read_attach(s, attach, slice_id, max_words, worker, v, err) != 0)
		return -err->code;
	*backend = back;
	return read_backend_kind(back, v, err);
}

static int read_key(const struct substrate *s, const json_t *j, const char *what,
	struct wire_key *k, struct lm_err *err)
{
	json_int_t slice_id, type, vif_id = 0;
	const char *port;
	json_error_t je;
	int rc;

	if (json_unpack_ex(mut(j), &je, JSON_STRICT, "{s:s, s:I, s:I, s?I}", "port", &port,
		    "slice_id", &slice_id, "type", &type, "vif_id", &vif_id) != 0)
		return lm_err_set(err, EINVAL, "%s: %s", what, je.text);
	k->port = find_port(s, port);
	if (k->port == NULL)
		return lm_err_set(err, ENOENT, "%s: there is no port %s", what, port);
	rc = check_key(what, k, slice_id, type, vif_id, err);
	k->slice_id = (uint32_t)slice_id;
	k->type = (uint8_t)type;
	k->vif_id = (uint32_t)vif_id;
	return rc;
}

static bool same_key(const struct wire_key *a, const struct wire_key *b)
{
	return a->port == b->port && a->slice_id == b->slice_id && a->vif_id == b->vif_id &&
	       a->type == b->type;
}

int config_xc(const struct substrate *s, const json_t *params, struct xc *x, struct lm_err *err)
{
	const struct xc *other;
	const struct vif *v;
	json_t *in, *out;
	const char *name;
	json_error_t je;
	int rc;

	if (json_unpack_ex(mut(params), &je, JSON_STRICT, "{s:s, s:o, s:o}", "name", &name, "in",
		    &in, "out", &out) != 0)
		return lm_err_set(err, EINVAL, "xc.add: %s", je.text);
	if ((rc = set_name(x->name, "cross-connect", name, err)) != 0)
		return rc;
	if (find_xc(s, name) != NULL)
		return lm_err_set(err, EEXIST, "cross-connect %s: exists already", name);
	if (read_key(s, in, "in", &x->in, err) != 0 || read_key(s, out, "out", &x->out, err) != 0)
		return lm_err_context(err, "cross-connect %s", name);
	if (x->in.type != x->out.type && (x->in.type > LM_WIRE_VIF || x->out.type > LM_WIRE_VIF))
		return lm_err_set(err, EINVAL,
			"cross-connect %s: types may change between 1 and 2 only", name);
	TAILQ_FOREACH (other, &s->xcs, next) {
		if (same_key(&other->in, &x->in))
			return lm_err_set(err, EEXIST,
				"cross-connect %s: %s takes the frames of this key already", name,
				other->name);
	}
	TAILQ_FOREACH (v, &s->vifs, next) {
		struct wire_key k = {.port = v->port,
			.slice_id = v->slice_id,
			.vif_id = v->vif_id,
			.type = v->type};

		if (v->attach == ATTACH_TRUNK && same_key(&k, &x->in))
			return lm_err_set(err, EEXIST,
				"cross-connect %s: vif %s takes the frames of this key already",
				name, v->name);
	}
	if (x->out.type <= LM_WIRE_VIF)
		lm_wire_template_set(&x->header, s->opt.slice_ethertype, x->out.port->vlan,
			x->out.type, x->out.slice_id, x->out.vif_id);
	return 0;
}
