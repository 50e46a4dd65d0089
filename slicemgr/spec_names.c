/* SPDX-License-Identifier: BSD-3-Clause */
/* Names: which are allowed, and which an interface gets. */
#include "slicemgr/spec_parts.h"

#include <stdio.h>
#include <string.h>

#define LETTERS	 "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	 "0123456789"

static bool name_ok(const char *name, size_t max, const char *chars)
{
	size_t len = strlen(name);

	return len > 0 && len <= max && strspn(name, chars) == len &&
	       strchr("-_.", name[0]) == NULL;
}

bool lm_node_name_ok(const char *name)
{
	return name_ok(name, LM_NODE_NAME_MAX - 1, LETTERS DIGITS "-");
}

bool lm_slice_name_ok(const char *name)
{
	return name_ok(name, LM_SLICE_NAME_MAX - 1, LETTERS CAPITALS DIGITS "-");
}

bool lm_sliver_name_ok(const char *name)
{
	return name_ok(name, LM_SLIVER_NAME_MAX - 1, LETTERS CAPITALS DIGITS "-_.");
}

bool spec_ifname_ok(const char *name)
{
	/* a new network namespace has some of these, /proc/sys/net/ipv4/conf the others */
	static const char *const taken[] = {"lo", "all", "default", "tunl0", "sit0", "gre0",
		"gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"};
	unsigned i;

	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(name, taken[i]) == 0)
			return false;
	return name_ok(name, LM_IFNAME_MAX - 1, LETTERS CAPITALS DIGITS "-_");
}

static const char *suffix_of(const struct lm_spec_iface *iface)
{
	const char *colon = strrchr(iface->client_id, ':');

	return colon != NULL ? colon + 1 : iface->client_id;
}

/* TAPs of further vMACs are NAME.1, NAME.2...: leave room for that. */
static bool suffix_usable(const struct lm_spec_node *node, unsigned i)
{
	const char *suffix = suffix_of(&node->ifaces[i]);
	unsigned j;

	if (!spec_ifname_ok(suffix) ||
		(node->ifaces[i].n_macs > 1 && strlen(suffix) > LM_IFNAME_MAX - 3))
		return false;
	for (j = 0; j < node->n_ifaces; j++)
		if (j != i && strcmp(suffix_of(&node->ifaces[j]), suffix) == 0)
			return false;
	return true;
}

static bool name_used(const struct lm_spec_node *node, const char *name)
{
	unsigned i;

	for (i = 0; i < node->n_ifaces; i++)
		if (strcmp(node->ifaces[i].name, name) == 0)
			return true;
	return false;
}

void spec_name_ifaces(struct lm_spec_node *node)
{
	unsigned i, number = 0;
	char name[LM_IFNAME_MAX];

	for (i = 0; i < node->n_ifaces; i++)
		if (suffix_usable(node, i))
			snprintf(node->ifaces[i].name, LM_IFNAME_MAX, "%.15s",
				suffix_of(&node->ifaces[i]));
	for (i = 0; i < node->n_ifaces; i++) {
		if (node->ifaces[i].name[0] != '\0')
			continue;
		do
			snprintf(name, sizeof(name), "eth%u", number++);
		while (name_used(node, name));
		memcpy(node->ifaces[i].name, name, sizeof(name));
	}
}
