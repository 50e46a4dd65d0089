/* SPDX-License-Identifier: BSD-3-Clause */
/* The FPM listener alone, for system tests and the benchmark: `tool_fpm PORT HOLD_MS` prints its
 * port, then one line of JSON for every line on standard input: {"status": {...}, "routes":
 * {PREFIX: TEXT}}. With a line "count" the routes are left out. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>
#include <jansson.h>

#include "fp/fpm_server.h"
#include "mp/log.h"

struct tool {
	struct event_base *base;
	struct lm_fpm_server *server;
	json_t *routes;
};

static void prefix_text(const struct lm_prefix *p, char *text, size_t size)
{
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(p->family, p->addr, addr, sizeof(addr));
	snprintf(text, size, "%s/%u", addr, p->len);
}

static int replace(void *ctx, const struct lm_route *r)
{
	static const char *const types[] = {"unicast", "blackhole", "unreachable", "prohibit"};
	struct tool *t = ctx;
	char key[64], text[512];
	size_t len;

	prefix_text(&r->prefix, key, sizeof(key));
	len = (size_t)snprintf(text, sizeof(text), "%s", types[r->type]);
	for (unsigned int i = 0; i < r->n_nexthops && len < sizeof(text) - 80; i++) {
		char gw[INET6_ADDRSTRLEN] = "-";

		if (r->nexthops[i].family != 0)
			inet_ntop(r->nexthops[i].family, r->nexthops[i].gateway, gw, sizeof(gw));
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, " %s%%%u", gw, r->nexthops[i].ifindex);
	}
	return json_object_set_new(t->routes, key, json_string(text));
}

static int take_back(void *ctx, const struct lm_prefix *prefix)
{
	struct tool *t = ctx;
	char key[64];

	prefix_text(prefix, key, sizeof(key));
	json_object_del(t->routes, key);
	return 0;
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct tool *t = arg;
	struct lm_fpm_status s;
	char line[64];
	ssize_t n = read(fd, line, sizeof(line));
	json_t *out;

	(void)what;
	if (n <= 0) {
		event_base_loopbreak(t->base);
		return;
	}
	lm_fpm_server_status(t->server, &s);
	out = json_pack("{s:{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}", "status",
		"connected", s.connected, "synced", s.synced, "epoch", (json_int_t)s.epoch,
		"routes", (json_int_t)s.routes, "stale", (json_int_t)s.stale, "replaced",
		(json_int_t)s.replaced, "removed", (json_int_t)s.removed, "swept",
		(json_int_t)s.swept, "ignored", (json_int_t)s.ignored, "unsupported",
		(json_int_t)s.unsupported, "errors", (json_int_t)s.errors);
	if (line[0] != 'c')
		json_object_set(out, "routes", t->routes);
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(out);
}

int main(int argc, char **argv)
{
	struct tool t = {.base = event_base_new(), .routes = json_object()};
	struct lm_route_sink sink = {.ctx = &t, .replace = replace, .remove = take_back};
	struct lm_fpm_conf conf = {.hold_ms = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0};
	struct lm_err err = {0};
	struct event *input;

	lm_log_init("tool_fpm");
	t.server = lm_fpm_server_new(t.base, "127.0.0.1",
		argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : LM_FPM_PORT, &sink, &conf, &err);
	if (t.server == NULL) {
		lm_error("%s", err.msg);
		return 1;
	}
	printf("%u\n", lm_fpm_server_port(t.server));
	fflush(stdout);
	input = event_new(t.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &t);
	event_add(input, NULL);
	event_base_dispatch(t.base);
	event_free(input);
	lm_fpm_server_free(t.server);
	event_base_free(t.base);
	json_decref(t.routes);
	return 0;
}
