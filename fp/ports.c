/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

uint16_t lm_ports_by_ifindex(const struct lm_ports *ports, uint32_t ifindex)
{
	uint16_t i;

	for (i = 0; i < ports->n_taps && ifindex != 0; i++)
		if (ports->taps[i].ifindex == ifindex)
			return i;
	return LM_NO_TAP;
}

uint16_t lm_ports_by_name(const struct lm_ports *ports, const char *name)
{
	uint16_t i;

	for (i = 0; i < ports->n_taps; i++)
		if (strcmp(ports->taps[i].name, name) == 0)
			return i;
	return LM_NO_TAP;
}

static int add_tap(struct lm_ports *ports, uint16_t vif_id, unsigned int nth, const uint8_t *mac,
	struct lm_err *err)
{
	struct lm_vif *vif = &ports->vifs[vif_id];
	struct lm_tap *tap = &ports->taps[ports->n_taps];
	char name[IFNAMSIZ];
	int len = 0;

	if (ports->n_taps == LM_TAPS_MAX || vif->n_taps == LM_VIF_TAPS_MAX)
		return lm_err_set(err, E2BIG,
			"interface %s: more than %d virtual MACs, or more than %d in the sliver",
			vif->name, LM_VIF_TAPS_MAX, LM_TAPS_MAX);
	memcpy(name, vif->name, sizeof(name));
	if (nth > 0)
		len = snprintf(name, sizeof(name), "%s.%u", vif->name, nth);
	if (len >= (int)sizeof(name) || lm_ports_by_name(ports, name) != LM_NO_TAP)
		return lm_err_set(err, EINVAL,
			"interface %s: the name is too long for its TAPs or is taken", vif->name);
	*tap = (struct lm_tap){.vif = vif_id, .mtu = vif->mtu, .fd = -1};
	memcpy(tap->mac, mac, sizeof(tap->mac));
	memcpy(tap->name, name, sizeof(tap->name));
	vif->taps[vif->n_taps++] = ports->n_taps++;
	return 0;
}

int lm_ports_add(struct lm_ports *ports, const struct lm_vif *vif, const uint8_t (*macs)[6],
	unsigned int n, struct lm_err *err)
{
	uint16_t id = ports->n_vifs;
	unsigned int i;
	int rc;

	if (id == LM_VIFS_MAX)
		return lm_err_set(err, E2BIG, "interface %s: a sliver has at most %d", vif->name,
			LM_VIFS_MAX);
	ports->vifs[id] = *vif;
	ports->vifs[id].n_taps = 0;
	for (i = 0; i < n; i++) {
		rc = add_tap(ports, id, i, macs[i], err);
		if (rc < 0)
			return rc;
	}
	ports->n_vifs++;
	return 0;
}
