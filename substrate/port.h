/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports: DPDK devices that are plugged in at run time. */
#ifndef LM_SUBSTRATE_PORT_H
#define LM_SUBSTRATE_PORT_H

#include "substrate/state.h"

/**
 * Probe, configure and start the device of `devargs`; fills p's DPDK side. p's name, mode, mtu,
 * vlan, worker and (as a wish) wait are set. Control thread. Names the port in `err`.
 */
int port_open(struct substrate *s, struct port *p, const char *devargs, struct lm_err *err);

/** Stop and unplug. No worker knows the port any more. */
void port_close(struct port *p);

/** A worker's epoll set says that p's descriptor is ready or in error. Owner. */
void port_woken(struct worker *w, struct port *p, uint32_t events);

/** p's descriptor left the epoll set because its interface was down: look whether it is up again.
 */
void port_unpark(struct worker *w, struct port *p);

const char *port_wait_name(enum port_wait wait);

#endif
