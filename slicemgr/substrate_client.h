/* SPDX-License-Identifier: BSD-3-Clause */
/* The requests that slicemgr makes of the substrate (docs/architecture.md), as plain calls. */
#ifndef LM_SLICEMGR_SUBSTRATE_CLIENT_H
#define LM_SLICEMGR_SUBSTRATE_CLIENT_H

#include <jansson.h>

#include "slicemgr/state.h"

#define SUBSTRATE_CALL_MS 5000
/* How long it may think about whether it is there; the event loop waits meanwhile. */
#define SUBSTRATE_PROBE_MS 200

/** Call `method` of the node's substrate; steals `params`. NULL with `err`. */
json_t *substrate_call(
	const struct node *node, const char *method, json_t *params, struct lm_err *err);

/** Whether the substrate answers, asked with little patience. */
bool substrate_answers(const struct node *node);

/** Add a port of the node's config. 0, or a negative errno with `err`. */
int substrate_port_add(
	const struct node *node, const struct lm_conf_port *port, struct lm_err *err);

/** Add a vif; for a kernel-plane interface the sliver's container must run. */
int substrate_vif_add(const struct sliver *sliver, const struct iface *iface, struct lm_err *err);

int substrate_vif_del(const struct node *node, const struct iface *iface, struct lm_err *err);

/** "02:4c:..." as JSON texts: a new array. */
json_t *macs_to_json(const struct iface *iface);

#endif
