/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/manifest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slicemgr/xml_schema.h"

#define MAC_TEXT_MAX 18

/* The writer, and whether any step of it failed (memory is the only reason). */
struct out {
	xmlTextWriter *w;
	bool failed;
	const struct lm_spec *spec;
	const struct lm_given *given;
};

static void open_el(struct out *out, const char *name)
{
	out->failed |= xmlTextWriterStartElement(out->w, (const xmlChar *)name) < 0;
}

static void close_el(struct out *out)
{
	out->failed |= xmlTextWriterEndElement(out->w) < 0;
}

static void put(struct out *out, const char *name, const char *value)
{
	out->failed |= xmlTextWriterWriteAttribute(
			       out->w, (const xmlChar *)name, (const xmlChar *)value) < 0;
}

static void put_uint(struct out *out, const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, value);
	put(out, name, text);
}

static const char *mac_text(const uint8_t mac[6], char buf[MAC_TEXT_MAX])
{
	snprintf(buf, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		mac[4], mac[5]);
	return buf;
}

static void write_ip(struct out *out, const struct lm_spec_addr *addr)
{
	char address[LM_ADDR_TEXT_MAX], mask[INET_ADDRSTRLEN];
	struct in_addr bits;

	open_el(out, "ip");
	snprintf(address, sizeof(address), "%.*s", (int)strcspn(addr->text, "/"), addr->text);
	put(out, "address", address);
	if (addr->family == 4) {
		/* prefix_len is 1 to 32 */
		bits.s_addr = htonl(UINT32_MAX << (32 - addr->prefix_len));
		put(out, "netmask", inet_ntop(AF_INET, &bits, mask, sizeof(mask)));
	} else {
		put_uint(out, "netmask", addr->prefix_len);
	}
	put(out, "type", addr->family == 4 ? "ipv4" : "ipv6");
	close_el(out);
}

static void write_attach(struct out *out, const struct lm_spec_attach *attach)
{
	static const char *const types[] = {"", "slice", "vif", "locator"};

	open_el(out, "lm:attach");
	put(out, "port", attach->port);
	put(out, "mode", attach->kind == LM_ATTACH_ACCESS ? "access" : "trunk");
	if (attach->kind == LM_ATTACH_TRUNK) {
		put(out, "header", attach->inline_header ? "inline" : "strip");
		if (attach->type <= LM_HDR_LOCATOR)
			put(out, "type", types[attach->type]);
		else
			put_uint(out, "type", attach->type);
		if (attach->type == LM_HDR_VIF || attach->type == LM_HDR_LOCATOR)
			put_uint(out, "vif", attach->vif_id);
		if (attach->type >= LM_HDR_OWN_MIN)
			put_uint(out, "max_words", attach->max_words);
	}
	if (attach->promisc)
		put(out, "promisc", "true");
	close_el(out);
}

static void write_vif(
	struct out *out, const struct lm_spec_iface *iface, const struct lm_given_iface *given)
{
	char vlink[LM_SLICE_NAME_MAX + LM_CLIENT_ID_MAX + 1], mac[MAC_TEXT_MAX];
	unsigned i;

	open_el(out, "lm:vif");
	put(out, "name", iface->name);
	put_uint(out, "mtu", given->mtu);
	if (iface->link >= 0) {
		snprintf(vlink, sizeof(vlink), "%s/%s", out->given->slice_name,
			out->spec->links[iface->link].client_id);
		put(out, "vlink", vlink);
	}
	for (i = 1; i < given->n_macs; i++) {
		open_el(out, "lm:mac");
		put(out, "address", mac_text(given->macs[i], mac));
		close_el(out);
	}
	close_el(out);
}

/* `given` is NULL for a sliver of another Lamina node. */
static void write_iface(
	struct out *out, const struct lm_spec_iface *iface, const struct lm_given_iface *given)
{
	char mac[MAC_TEXT_MAX];
	unsigned i;

	open_el(out, "interface");
	put(out, "client_id", iface->client_id);
	if (given != NULL && given->n_macs > 0)
		put(out, "mac_address", mac_text(given->macs[0], mac));
	for (i = 0; i < iface->n_addrs; i++)
		write_ip(out, &iface->addrs[i]);
	if (given != NULL)
		write_vif(out, iface, given);
	if (iface->attach.kind == LM_ATTACH_TRUNK || iface->attach.kind == LM_ATTACH_ACCESS)
		write_attach(out, &iface->attach);
	close_el(out);
}

static void write_node(
	struct out *out, const struct lm_spec_node *node, const struct lm_given_sliver *given)
{
	bool here = given->sliver_urn != NULL;
	unsigned i;

	open_el(out, "node");
	put(out, "client_id", node->client_id);
	put(out, "exclusive", "false");
	if (here)
		put(out, "sliver_id", given->sliver_urn);
	open_el(out, "sliver_type");
	put(out, "name", node->type == LM_SLIVER_VROUTER_RAW ? "vrouter-raw" : "vrouter");
	close_el(out);
	if (here || node->lamina_node[0] != '\0') {
		open_el(out, "lm:node");
		put(out, "name", here ? out->given->node : node->lamina_node);
		close_el(out);
	}
	if (here && node->type == LM_SLIVER_VROUTER) {
		open_el(out, "lm:fp");
		put_uint(out, "cores", node->cores);
		put(out, "mode", node->mode == LM_FP_DEDICATED ? "dedicated" : "shared");
		put_uint(out, "memory_mb", node->memory_mb);
		close_el(out);
	}
	for (i = 0; i < node->n_ifaces; i++)
		write_iface(out, &node->ifaces[i], here ? &given->ifaces[i] : NULL);
	close_el(out);
}

static void write_link(struct out *out, const struct lm_spec_link *link)
{
	const struct lm_spec_end *end;
	unsigned i;

	open_el(out, "link");
	put(out, "client_id", link->client_id);
	for (i = 0; i < link->n_ends; i++) {
		end = &link->ends[i];
		open_el(out, "interface_ref");
		put(out, "client_id", out->spec->nodes[end->node].ifaces[end->iface].client_id);
		close_el(out);
	}
	close_el(out);
}

static void write_all(struct out *out)
{
	const struct lm_given *given = out->given;
	unsigned i;

	out->failed |= xmlTextWriterSetIndent(out->w, 1) < 0;
	out->failed |= xmlTextWriterSetIndentString(out->w, (const xmlChar *)"  ") < 0;
	out->failed |= xmlTextWriterStartDocument(out->w, NULL, "UTF-8", NULL) < 0;
	open_el(out, "rspec");
	put(out, "type", "manifest");
	put(out, "xmlns", XML_NS_RSPEC);
	put(out, "xmlns:lm", XML_NS_LAMINA);
	open_el(out, "lm:slice");
	put_uint(out, "id", given->slice_id);
	put(out, "name", given->slice_name);
	if (given->slice_urn != NULL)
		put(out, "urn", given->slice_urn);
	close_el(out);
	for (i = 0; i < out->spec->n_nodes; i++)
		write_node(out, &out->spec->nodes[i], &given->slivers[i]);
	for (i = 0; i < out->spec->n_links; i++)
		write_link(out, &out->spec->links[i]);
	close_el(out);
	out->failed |= xmlTextWriterEndDocument(out->w) < 0;
}

int lm_manifest_write(
	const struct lm_spec *spec, const struct lm_given *given, char **text, struct lm_err *err)
{
	struct out out = {.spec = spec, .given = given};
	xmlBuffer *buffer = xmlBufferCreate();

	*text = NULL;
	if (buffer != NULL)
		out.w = xmlNewTextWriterMemory(buffer, 0);
	if (out.w != NULL) {
		write_all(&out);
		xmlFreeTextWriter(out.w); /* flushes */
		if (!out.failed)
			*text = strdup((const char *)xmlBufferContent(buffer));
	}
	xmlBufferFree(buffer);
	return *text != NULL ? 0 : lm_err_set(err, ENOMEM, "no memory to write the manifest");
}

int lm_manifest_check(const char *file, const char *text, size_t len, struct lm_err *err)
{
	struct xml_in in = {.file = file, .page = "docs/spec.md", .err = err};
	xmlDoc *doc = xml_load(&in, text, len, LM_SPEC_BYTES_MAX * 4UL);
	int rc;

	if (doc == NULL)
		return -err->code;
	rc = xml_schema_check(&in, XML_SCHEMA_MANIFEST, doc);
	if (rc == 0)
		rc = xml_schema_check_ext(&in, xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
	return rc;
}
