/* SPDX-License-Identifier: BSD-3-Clause */
/* FPM framing: version 1, type 1 (netlink), 16-bit big-endian length that counts the header; then
 * one or two netlink messages in host order. */
#include "fp/fpm_parser.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <libmnl/libmnl.h>

#define FPM_VERSION    1
#define FPM_NETLINK    1
#define FPM_HEADER_LEN 4
#define FRAME_MAX      65535

struct lm_fpm_parser {
	lm_fpm_event_fn on_event;
	void *ctx;
	uint64_t offset; /* of the frame's first octet in the stream */
	size_t have;	 /* octets of the frame in `frame` */
	size_t want;	 /* its length, once the header is there; else FPM_HEADER_LEN */
	bool pending;	 /* `held` is a delete that a replace may follow in this frame */
	uint64_t ignored;
	uint64_t unsupported;
	struct lm_rtmsg msg;
	struct lm_rtmsg held;
	/* a header of 4 octets keeps the netlink messages behind it aligned */
	_Alignas(8) uint8_t frame[FRAME_MAX + 1];
};

struct lm_fpm_parser *lm_fpm_parser_new(lm_fpm_event_fn on_event, void *ctx)
{
	struct lm_fpm_parser *parser = calloc(1, sizeof(*parser));

	if (parser == NULL)
		return NULL;
	parser->on_event = on_event;
	parser->ctx = ctx;
	lm_fpm_parser_reset(parser);
	return parser;
}

void lm_fpm_parser_free(struct lm_fpm_parser *parser)
{
	free(parser);
}

void lm_fpm_parser_reset(struct lm_fpm_parser *parser)
{
	parser->offset = 0;
	parser->have = 0;
	parser->want = FPM_HEADER_LEN;
	parser->pending = false;
}

void lm_fpm_parser_counts(
	const struct lm_fpm_parser *parser, uint64_t *ignored, uint64_t *unsupported)
{
	*ignored = parser->ignored;
	*unsupported = parser->unsupported;
}

static int malformed(
	const struct lm_fpm_parser *parser, size_t at, struct lm_err *err, const char *rule)
{
	return lm_err_set(err, EBADMSG, "FPM stream, octet %llu: %s",
		(unsigned long long)parser->offset + at, rule);
}

static int read_header(struct lm_fpm_parser *parser, struct lm_err *err)
{
	const uint8_t *h = parser->frame;
	size_t len = (size_t)h[2] << 8 | h[3];

	if (h[0] != FPM_VERSION)
		return malformed(parser, 0, err, "frame version is not 1");
	if (h[1] != FPM_NETLINK)
		return malformed(parser, 1, err, "frame type is not 1 (netlink)");
	if (len < FPM_HEADER_LEN + sizeof(struct nlmsghdr))
		return malformed(parser, 2, err, "frame length is too short for a netlink message");
	parser->want = len;
	return 0;
}

static int give(struct lm_fpm_parser *parser, const struct lm_rtmsg *msg, struct lm_err *err)
{
	int rc = parser->on_event(parser->ctx, msg);

	if (rc < 0)
		return lm_err_errno(err, -rc, "FPM stream, frame at octet %llu: not applied",
			(unsigned long long)parser->offset);
	return 0;
}

static int give_held(struct lm_fpm_parser *parser, struct lm_err *err)
{
	if (!parser->pending)
		return 0;
	parser->pending = false;
	return give(parser, &parser->held, err);
}

static bool same_prefix(const struct lm_prefix *a, const struct lm_prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static void hold(struct lm_fpm_parser *parser)
{
	parser->held.type = parser->msg.type;
	parser->held.sender = parser->msg.sender;
	parser->held.route.prefix = parser->msg.route.prefix;
	parser->held.route.protocol = parser->msg.route.protocol;
	parser->pending = true;
}

static int take_message(struct lm_fpm_parser *parser, struct lm_err *err)
{
	const struct lm_rtmsg *msg = &parser->msg;
	int rc;

	parser->unsupported += msg->unsupported;
	if (msg->type == LM_RTMSG_IGNORED) {
		parser->ignored++;
		return 0;
	}
	if (parser->pending && msg->type == LM_RTMSG_ROUTE_REPLACE &&
		same_prefix(&msg->route.prefix, &parser->held.route.prefix))
		parser->pending = false;
	rc = give_held(parser, err);
	if (rc < 0)
		return rc;
	if (msg->type == LM_RTMSG_ROUTE_DELETE) {
		hold(parser);
		return 0;
	}
	return give(parser, msg, err);
}

static int read_frame(struct lm_fpm_parser *parser, struct lm_err *err)
{
	size_t at = FPM_HEADER_LEN;

	while (at < parser->want) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(parser->frame + at);
		size_t left = parser->want - at;
		int rc;

		if (left < sizeof(*nlh))
			return malformed(
				parser, at, err, "less is left than a netlink message header");
		if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > left)
			return malformed(
				parser, at, err, "netlink message length is out of the frame");
		rc = lm_rtmsg_parse(nlh, &parser->msg, err);
		if (rc < 0)
			return lm_err_context(err, "FPM stream, octet %llu",
				(unsigned long long)parser->offset + at);
		rc = take_message(parser, err);
		if (rc < 0)
			return rc;
		at += MNL_ALIGN(nlh->nlmsg_len);
	}
	return give_held(parser, err);
}

int lm_fpm_parser_feed(
	struct lm_fpm_parser *parser, const void *data, size_t len, struct lm_err *err)
{
	const uint8_t *next = data;

	while (len > 0) {
		size_t n = parser->want - parser->have;
		int rc = 0;

		if (n > len)
			n = len;
		memcpy(parser->frame + parser->have, next, n);
		parser->have += n;
		next += n;
		len -= n;
		if (parser->have < parser->want)
			return 0;
		if (parser->have == FPM_HEADER_LEN) {
			rc = read_header(parser, err);
		} else {
			rc = read_frame(parser, err);
			parser->offset += parser->want;
			parser->have = 0;
			parser->want = FPM_HEADER_LEN;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}
