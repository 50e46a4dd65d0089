/* SPDX-License-Identifier: BSD-3-Clause */
/* <lm:attach>: the port, the slice header and the options of one vif. */
#include "slicemgr/spec_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The slice-header type of a trunk; without the attribute a vif id alone says it. */
static int type_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_attach *attach)
{
	const char *text = xml_attr(el, "type");
	uint64_t number = 0;

	if (text == NULL)
		attach->type = xml_attr(el, "vif") != NULL ? LM_HDR_VIF : LM_HDR_SLICE;
	else if (strcmp(text, "slice") == 0)
		attach->type = LM_HDR_SLICE;
	else if (strcmp(text, "vif") == 0)
		attach->type = LM_HDR_VIF;
	else if (strcmp(text, "locator") == 0)
		attach->type = LM_HDR_LOCATOR;
	else if (xml_attr_uint(in, el, "type", LM_HDR_OWN_MIN, 255, &number) == 0)
		attach->type = (uint8_t)number;
	else
		return xml_err(in, el, EINVAL,
			"<lm:attach> type=\"%.32s\": give slice, vif, locator or a number 128 to "
			"255",
			text);
	return 0;
}

static int vif_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_attach *attach)
{
	bool needs = attach->type == LM_HDR_VIF || attach->type == LM_HDR_LOCATOR;
	uint64_t vif = 0, words = 0;
	int rc;

	if (needs && xml_attr(el, "vif") == NULL)
		return xml_err(
			in, el, EINVAL, "<lm:attach> type vif or locator needs vif=\"NUMBER\"");
	if (!needs && xml_attr(el, "vif") != NULL)
		return xml_err(in, el, EINVAL, "<lm:attach> vif needs type vif or locator");
	rc = xml_attr_uint(in, el, "vif", 0, UINT32_MAX, &vif);
	if (rc != 0)
		return rc;
	if ((attach->type >= LM_HDR_OWN_MIN) != (xml_attr(el, "max_words") != NULL))
		return xml_err(in, el, EINVAL,
			"<lm:attach> max_words goes with types 128 to 255, and only with them");
	rc = xml_attr_uint(in, el, "max_words", 1, 255, &words);
	attach->vif_id = (uint32_t)vif;
	attach->max_words = (uint8_t)words;
	return rc;
}

/* The substrate can write a header by itself only when it knows every word of it. */
static int header_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_attach *attach)
{
	const char *header = xml_attr(el, "header");
	bool own = attach->type >= LM_HDR_LOCATOR;

	attach->inline_header = header != NULL ? strcmp(header, "inline") == 0 : own;
	if (attach->inline_header && !own)
		return xml_err(in, el, EINVAL,
			"<lm:attach> header=\"inline\" needs type locator or 128 to 255");
	if (!attach->inline_header && own)
		return xml_err(in, el, EINVAL,
			"<lm:attach> type locator or 128 to 255 needs header=\"inline\": only the "
			"sliver knows its words");
	return 0;
}

static int trunk_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_attach *attach)
{
	int rc = type_parse(in, el, attach);

	if (rc == 0)
		rc = vif_parse(in, el, attach);
	return rc == 0 ? header_parse(in, el, attach) : rc;
}

static int no_header_attrs(const struct xml_in *in, xmlNode *el, const char *why)
{
	static const char *const names[] = {"header", "type", "vif", "max_words"};
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (xml_attr(el, names[i]) != NULL)
			return xml_err(in, el, EINVAL, "<lm:attach> %s: %s", names[i], why);
	return 0;
}

static int port_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_attach *attach)
{
	const char *port = xml_attr(el, "port"), *mode = xml_attr(el, "mode");

	if (port == NULL && mode != NULL)
		return xml_err(in, el, EINVAL, "<lm:attach> mode needs port=\"NAME\"");
	if (port == NULL)
		return no_header_attrs(in, el, "a patch link has no slice header: give a port");
	if (!lm_node_name_ok(port))
		return xml_err(in, el, EINVAL,
			"<lm:attach> port=\"%.32s\": a port's name is 1-15 of a-z, 0-9 and '-'",
			port);
	snprintf(attach->port, sizeof(attach->port), "%s", port);
	if (mode != NULL && strcmp(mode, "access") == 0) {
		attach->kind = LM_ATTACH_ACCESS;
		return no_header_attrs(in, el, "an access port has no slice header");
	}
	attach->kind = LM_ATTACH_TRUNK;
	return trunk_parse(in, el, attach);
}

int spec_attach(const struct xml_in *in, xmlNode *el, struct lm_spec_attach *attach)
{
	uint64_t mtu = 0;
	int rc;

	attach->line = xml_line(el);
	rc = xml_attr_uint(in, el, "mtu", LM_MTU_MIN, LM_MTU_MAX, &mtu);
	attach->mtu = (uint16_t)mtu;
	if (rc == 0)
		rc = xml_attr_bool(in, el, "promisc", &attach->promisc);
	return rc == 0 ? port_parse(in, el, attach) : rc;
}

unsigned lm_attach_header_octets(const struct lm_spec_attach *attach)
{
	if (attach->kind != LM_ATTACH_TRUNK)
		return 0;
	switch (attach->type) {
	case LM_HDR_SLICE:
		return 4 + 4 * 1;
	case LM_HDR_VIF:
		return 4 + 4 * 2;
	case LM_HDR_LOCATOR:
		return 4 + 4 * 4;
	default:
		return 4 + 4U * attach->max_words;
	}
}
