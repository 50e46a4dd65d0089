/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/graph.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_graph.h>
#include <rte_graph_worker.h>

#include "fp/edges.h"

/* Each node and where its edges lead, in the order of fp/edges.h. */
static const struct {
	struct rte_node_register *node;
	const char *next[LM_EDGE_FIRST + 2];
} nodes[] = {
	{&lm_node_memif_rx, {[LM_RX_TO_ETH_INPUT] = "eth_input"}},
	{&lm_node_inject, {[LM_INJECT_TO_TX] = "memif_tx"}},
	{&lm_node_eth_input,
		{"drop", "punt", [LM_ETH_TO_IP4] = "ip4_input", [LM_ETH_TO_IP6] = "ip6_input"}},
	{&lm_node_ip4_input, {"drop", "punt", [LM_INPUT_TO_LOOKUP] = "ip4_lookup"}},
	{&lm_node_ip4_lookup, {"drop", "punt", [LM_LOOKUP_TO_REWRITE] = "ip4_rewrite"}},
	{&lm_node_ip4_rewrite, {"drop", "punt", [LM_REWRITE_TO_TX] = "memif_tx"}},
	{&lm_node_ip6_input, {"drop", "punt", [LM_INPUT_TO_LOOKUP] = "ip6_lookup"}},
	{&lm_node_ip6_lookup, {"drop", "punt", [LM_LOOKUP_TO_REWRITE] = "ip6_rewrite"}},
	{&lm_node_ip6_rewrite, {"drop", "punt", [LM_REWRITE_TO_TX] = "memif_tx"}},
	{&lm_node_memif_tx, {[LM_TX_TO_DROP] = "drop"}},
	{&lm_node_punt, {[LM_PUNT_TO_DROP] = "drop"}},
	{&lm_node_drop, {NULL}},
};

/* Node init functions have no argument of their own; graphs are made by one thread. */
static struct lm_worker *making_for;

int lm_node_init(const struct rte_graph *graph, struct rte_node *node)
{
	(void)graph;
	memcpy(node->ctx, &making_for, sizeof(making_for));
	return 0;
}

static int register_nodes(struct lm_err *err)
{
	static bool done;

	for (unsigned int i = 0; i < RTE_DIM(nodes) && !done; i++) {
		const char *const *next = nodes[i].next;
		struct rte_node_register *reg = nodes[i].node;
		rte_node_t id = __rte_node_register(reg);
		rte_edge_t n = 0;

		if (id == RTE_NODE_ID_INVALID)
			return lm_err_set(
				err, rte_errno, "graph: cannot register node %s", reg->name);
		while (n < RTE_DIM(nodes[i].next) && next[n] != NULL)
			n++;
		if (n > 0 && rte_node_edge_update(id, 0, (const char **)(uintptr_t)next, n) != n)
			return lm_err_set(
				err, EINVAL, "graph: cannot set the edges of node %s", reg->name);
	}
	done = true;
	return 0;
}

int lm_graph_create(struct lm_worker *w, const char *name, struct lm_err *err)
{
	const char *patterns[RTE_DIM(nodes)];
	struct rte_graph_param param = {.socket_id = SOCKET_ID_ANY,
		.nb_node_patterns = RTE_DIM(nodes),
		.node_patterns = patterns};
	int rc = register_nodes(err);

	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < RTE_DIM(nodes); i++)
		patterns[i] = nodes[i].node->name;
	making_for = w;
	if (rte_graph_create(name, &param) == RTE_GRAPH_ID_INVALID)
		return lm_err_set(err, rte_errno, "graph %s: cannot be made", name);
	w->graph = rte_graph_lookup(name);
	return 0;
}

bool lm_graph_node_stats(const struct lm_worker *w, unsigned int nth, struct lm_node_stats *out)
{
	const struct rte_node *node;

	if (nth >= RTE_DIM(nodes) || w->graph == NULL)
		return false;
	node = rte_graph_node_get_by_name(w->graph->name, nodes[nth].node->name);
	if (node == NULL)
		return false;
	*out = (struct lm_node_stats){.name = nodes[nth].node->name,
		.calls = node->total_calls,
		.pkts = node->total_objs,
		.cycles = node->total_cycles};
	return true;
}
