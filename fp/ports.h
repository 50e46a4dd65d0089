/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interfaces of a sliver as its FP sees them. A vif is one memif to the substrate; a TAP is
 * the kernel's end of one virtual MAC of a vif. Routes and neighbours name TAPs (the kernel's
 * ifindex), frames leave by vifs.
 */
#ifndef LM_FP_PORTS_H
#define LM_FP_PORTS_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "mp/err.h"

#define LM_VIFS_MAX	64
#define LM_TAPS_MAX	128
#define LM_VIF_TAPS_MAX 16
#define LM_NO_TAP	UINT16_MAX

struct lm_memif;

/** What a worker reads of a TAP. */
struct lm_tap {
	uint8_t mac[6];
	uint16_t vif;
	uint32_t ifindex; /* 0: the kernel has no such link now */
	uint16_t mtu;	  /* of the link: largest IP packet, octets */
	bool up;	  /* the kernel says up and running */
	int fd;		  /* -1: none was given yet */
	char name[IFNAMSIZ];
};

struct lm_vif {
	struct lm_memif *memif; /* NULL while not connected; atomic: workers read it */
	uint16_t mtu;		/* of the spec: largest IP packet, octets */
	bool promisc;
	uint8_t n_taps;
	uint16_t taps[LM_VIF_TAPS_MAX]; /* [0] has the vif's first MAC */
	uint16_t memif_id;
	struct lm_memif *client; /* what the control thread owns */
	char name[IFNAMSIZ];
};

struct lm_ports {
	uint16_t n_vifs;
	uint16_t n_taps;
	struct lm_vif vifs[LM_VIFS_MAX];
	struct lm_tap taps[LM_TAPS_MAX];
};

/**
 * Add a vif with its virtual MACs (n >= 1): makes one TAP entry a MAC, the first named as the vif,
 * the others NAME.1, NAME.2... 0 or a negative errno with `err`.
 */
int lm_ports_add(struct lm_ports *ports, const struct lm_vif *vif, const uint8_t (*macs)[6],
	unsigned int n, struct lm_err *err);

/** The TAP with this ifindex or name, or LM_NO_TAP. */
uint16_t lm_ports_by_ifindex(const struct lm_ports *ports, uint32_t ifindex);
uint16_t lm_ports_by_name(const struct lm_ports *ports, const char *name);

#endif
