/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the parameters of requests and checks every rule that needs no device. */
#ifndef LM_SUBSTRATE_CONFIG_H
#define LM_SUBSTRATE_CONFIG_H

#include "substrate/state.h"

/** Fill a zeroed port from port.add's params; *devargs is borrowed from them. */
int config_port(const struct substrate *s, const json_t *params, struct port *p,
	const char **devargs, struct lm_err *err);

/** Fill a zeroed vif from vif.add's params; *backend is borrowed from them. */
int config_vif(const struct substrate *s, const json_t *params, struct vif *v,
	const json_t **backend, struct lm_err *err);

/** Fill a zeroed cross-connect from xc.add's params. */
int config_xc(const struct substrate *s, const json_t *params, struct xc *x, struct lm_err *err);

struct port *find_port(const struct substrate *s, const char *name);
struct vif *find_vif(const struct substrate *s, const char *name);
struct xc *find_xc(const struct substrate *s, const char *name);

#endif
