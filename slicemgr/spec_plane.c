/* SPDX-License-Identifier: BSD-3-Clause */
/* <fp> and <cp>: the forwarding and control planes of a sliver. */
#include "slicemgr/spec_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libxml/xmlmemory.h>

#define FP_CORES_MAX	     256
#define FP_MEMORY_MIN_MB     16
#define FP_MEMORY_MAX_MB     (1024 * 1024)
#define FP_MEMORY_DEFAULT_MB 64
#define DAEMON_SEPARATORS    " ,\t\r\n"

/* The order is that of starting; the first two always run. */
static const char *const daemon_names[LM_SPEC_DAEMONS_MAX] = {
	"zebra", "staticd", "ospfd", "ospf6d", "bgpd", "isisd"};
#define DAEMONS_ALWAYS 3U /* bits of zebra and staticd */

static void set_daemons(struct lm_spec_node *node, unsigned bits)
{
	unsigned i;

	node->n_daemons = 0;
	for (i = 0; i < LM_SPEC_DAEMONS_MAX; i++)
		if ((bits & 1U << i) != 0)
			node->daemons[node->n_daemons++] = daemon_names[i];
}

void spec_plane_defaults(struct lm_spec_node *node)
{
	node->fp_line = node->cp_line = node->line;
	node->cores = 1;
	node->mode = LM_FP_SHARED;
	node->memory_mb = FP_MEMORY_DEFAULT_MB;
	set_daemons(node, DAEMONS_ALWAYS);
}

int spec_fp(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node)
{
	uint64_t cores = node->cores, memory_mb = node->memory_mb;
	const char *mode = xml_attr(el, "mode");
	int rc;

	node->fp_line = xml_line(el);
	rc = xml_attr_uint(in, el, "cores", 1, FP_CORES_MAX, &cores);
	if (rc == 0)
		rc = xml_attr_uint(
			in, el, "memory_mb", FP_MEMORY_MIN_MB, FP_MEMORY_MAX_MB, &memory_mb);
	if (rc != 0)
		return rc;
	if (mode != NULL && strcmp(mode, "dedicated") == 0)
		node->mode = LM_FP_DEDICATED;
	else if (mode != NULL && strcmp(mode, "shared") != 0)
		return xml_err(in, el, EINVAL, "fp mode=\"%.32s\": give dedicated or shared", mode);
	node->cores = (unsigned)cores;
	node->memory_mb = (unsigned)memory_mb;
	return 0;
}

static int daemons_parse(
	const struct xml_in *in, const xmlNode *el, const char *list, struct lm_spec_node *node)
{
	unsigned bits = DAEMONS_ALWAYS, i;
	size_t len;

	for (list += strspn(list, DAEMON_SEPARATORS); *list != '\0';
		list += strspn(list, DAEMON_SEPARATORS)) {
		len = strcspn(list, DAEMON_SEPARATORS);
		for (i = 0; i < LM_SPEC_DAEMONS_MAX; i++)
			if (strlen(daemon_names[i]) == len &&
				memcmp(daemon_names[i], list, len) == 0)
				break;
		if (i == LM_SPEC_DAEMONS_MAX)
			return xml_err(in, el, EINVAL,
				"daemon '%.*s' is not available: choose from ospfd, ospf6d, bgpd, "
				"isisd (zebra and staticd always run)",
				(int)(len < 32 ? len : 32), list);
		bits |= 1U << i;
		list += len;
	}
	set_daemons(node, bits);
	return 0;
}

static int config_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node)
{
	xmlChar *text = xmlNodeGetContent(el);
	int rc = 0;

	if (text == NULL)
		return xml_err(in, el, ENOMEM, "out of memory");
	if (strlen((char *)text) > LM_SPEC_CONFIG_MAX)
		rc = xml_err(in, el, E2BIG, "the configuration has %zu octets, more than %d",
			strlen((char *)text), LM_SPEC_CONFIG_MAX);
	else if (text[strspn((char *)text, " \t\r\n")] != '\0') {
		node->config = strdup((char *)text);
		if (node->config == NULL)
			rc = xml_err(in, el, ENOMEM, "out of memory");
	}
	xmlFree(text);
	return rc;
}

int spec_cp(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node)
{
	const char *daemons = xml_attr(el, "daemons");
	xmlNode *config = xml_first(el);
	int rc = 0;

	node->cp_line = xml_line(el);
	if (daemons != NULL)
		rc = daemons_parse(in, el, daemons, node);
	if (rc == 0 && config != NULL)
		rc = config_parse(in, config, node);
	return rc;
}
