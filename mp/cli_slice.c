/* SPDX-License-Identifier: BSD-3-Clause */
/* `lamina apply`, `destroy`, `inspect` and `counters`. */
#include "mp/cli.h"

#include <string.h>

#include "mp/cleanup.h"
#include "mp/read_file.h"
#include "mp/rpc.h"
#include "mp/table.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Octets of the request line around the text of the request. */
#define ENVELOPE_OCTETS 1024

static int read_spec(struct cli *cli, json_t **xml)
{
	lm_cleanup_free char *text = NULL;
	lm_cleanup_free char *line = NULL;
	struct lm_err err = {0};
	size_t n = 0;

	if (lm_read_file(cli->spec, LM_RPC_LINE_MAX, &text, &n, &err) < 0)
		return cli_error(cli, CLI_FAILED, "%s", err.msg);
	if (memchr(text, '\0', n) != NULL)
		return cli_error(cli, CLI_FAILED, "%s: holds an octet 0 and is no XML", cli->spec);
	*xml = json_stringn(text, n);
	if (*xml == NULL)
		return cli_error(cli, CLI_FAILED, "%s: not UTF-8 text", cli->spec);
	line = json_dumps(*xml, JSON_ENCODE_ANY);
	if (line == NULL || strlen(line) + ENVELOPE_OCTETS > LM_RPC_LINE_MAX) {
		json_decref(*xml);
		*xml = NULL;
		return cli_error(
			cli, CLI_FAILED, "%s: too long, a request has at most 1 MiB", cli->spec);
	}
	return CLI_OK;
}

int cli_apply(struct cli *cli)
{
	int code = CLI_OK;
	lm_cleanup_json json_t *result = NULL;
	json_t *xml = NULL, *params, *warning;
	const char *manifest;
	size_t i;

	if (cli->spec == NULL)
		return cli_error(cli, CLI_USAGE, "apply: which request? give its file: -t FILE");
	code = read_spec(cli, &xml);
	if (code != CLI_OK)
		return code;
	params = json_pack("{s:s, s:o, s:s*}", "file", cli->spec, "xml", xml, "slice", cli->slice);
	if (params == NULL)
		return cli_error(cli, CLI_FAILED, "the file's or the slice's name is not UTF-8");
	result = cli_call(cli, "slice.apply", params, CLI_CHANGE_TIMEOUT_MS, &code);
	if (result == NULL)
		return code;
	json_array_foreach (json_object_get(result, "warnings"), i, warning)
		cli_error(cli, 0, "warning: %s", json_string_value(warning));
	manifest = json_string_value(json_object_get(result, "manifest"));
	if (manifest != NULL)
		fputs(manifest, cli->out);
	return CLI_OK;
}

int cli_destroy(struct cli *cli)
{
	int code = CLI_OK;
	json_t *params = json_pack("{s:s}", "slice", cli->argv[0]);
	lm_cleanup_json json_t *result = NULL;

	if (params == NULL)
		return cli_error(cli, CLI_FAILED, "the slice's name is not UTF-8");
	result = cli_call(cli, "slice.destroy", params, CLI_CHANGE_TIMEOUT_MS, &code);
	if (result == NULL)
		return code;
	fprintf(cli->out, "slice %s is gone\n", cli->argv[0]);
	return CLI_OK;
}

static json_t *call_about(struct cli *cli, const char *method, int *code)
{
	json_t *params = json_object();

	if (cli->argc > 0 && json_object_set_new(params, "slice", json_string(cli->argv[0])) < 0) {
		json_decref(params);
		*code = cli_error(cli, CLI_FAILED, "the slice's name is not UTF-8");
		return NULL;
	}
	return cli_call(cli, method, params, CLI_RPC_TIMEOUT_MS, code);
}

static void set(json_t *row, const char *key, json_t *value)
{
	if (value != NULL)
		json_object_set(row, key, value);
}

/* Adds a "path" to a copy of `object`: "a/r1" or "a/r1/eth0". */
static json_t *with_path(json_t *object, const char *parent)
{
	json_t *row = json_copy(object);

	json_object_set_new(row, "path",
		json_sprintf("%s/%s", parent, json_string_value(json_object_get(object, "name"))));
	return row;
}

static void flatten_sliver(
	json_t *sliver, const char *slice, json_t *slivers, json_t *interfaces, json_t *processes)
{
	json_t *row = with_path(sliver, slice);
	const char *path = json_string_value(json_object_get(row, "path"));
	json_t *item;
	size_t i;

	set(row, "fib4", json_object_get(json_object_get(sliver, "fib"), "ipv4"));
	set(row, "fib6", json_object_get(json_object_get(sliver, "fib"), "ipv6"));
	set(row, "fpm_connected", json_object_get(json_object_get(sliver, "fpm"), "connected"));
	set(row, "fpm_routes", json_object_get(json_object_get(sliver, "fpm"), "routes"));
	json_array_append(slivers, row);
	json_array_foreach (json_object_get(sliver, "interfaces"), i, item)
		json_array_append_new(interfaces, with_path(item, path));
	json_array_foreach (json_object_get(sliver, "processes"), i, item)
		json_array_append_new(processes, with_path(item, path));
	json_decref(row);
}

static void print_inspect(struct cli *cli, json_t *result)
{
	static const struct lm_column port_cols[] = {{"PORT", "name", false},
		{"MODE", "mode", false}, {"MTU", "mtu", true}, {"UP", "up", false},
		{"WAKES BY", "wait", false}};
	static const struct lm_column slice_cols[] = {{"SLICE", "name", false}, {"ID", "id", true},
		{"STATE", "state", false}, {"SLIVERS", "n_slivers", true}, {"URN", "urn", false}};
	static const struct lm_column sliver_cols[] = {{"SLIVER", "path", false},
		{"TYPE", "type", false}, {"STATE", "state", false}, {"PID", "pid", true},
		{"UPTIME", "uptime_s", true}, {"RESTARTS", "restarts", true},
		{"CPUS", "cpus", false}, {"FPM", "fpm_connected", false},
		{"ROUTES", "fpm_routes", true}, {"FIB4", "fib4", true}, {"FIB6", "fib6", true}};
	static const struct lm_column if_cols[] = {{"INTERFACE", "path", false},
		{"MAC", "macs", false}, {"ADDRESSES", "addresses", false}, {"MTU", "mtu", true},
		{"UP", "up", false}, {"ATTACHED TO", "attachment", false}};
	static const struct lm_column proc_cols[] = {{"PROCESS", "path", false},
		{"PID", "pid", true}, {"STATE", "state", false}, {"RESTARTS", "restarts", true},
		{"LAST EXIT", "last_exit", false}};
	lm_cleanup_json json_t *slivers = json_array();
	lm_cleanup_json json_t *interfaces = json_array();
	lm_cleanup_json json_t *processes = json_array();
	const struct {
		const struct lm_column *columns;
		size_t n;
		const json_t *rows;
	} tables[] = {
		{port_cols, N(port_cols), json_object_get(result, "ports")},
		{slice_cols, N(slice_cols), json_object_get(result, "slices")},
		{sliver_cols, N(sliver_cols), slivers},
		{if_cols, N(if_cols), interfaces},
		{proc_cols, N(proc_cols), processes},
	};
	json_t *slice, *sliver;
	size_t i, j;
	bool first = true;

	json_array_foreach (json_object_get(result, "slices"), i, slice)
		json_array_foreach (json_object_get(slice, "slivers"), j, sliver)
			flatten_sliver(sliver, json_string_value(json_object_get(slice, "name")),
				slivers, interfaces, processes);
	for (i = 0; i < N(tables); i++) {
		if (json_array_size(tables[i].rows) == 0)
			continue;
		fputs(first ? "" : "\n", cli->out);
		first = false;
		lm_table_print(
			cli->out, tables[i].columns, tables[i].n, tables[i].rows, cli->color);
	}
}

int cli_inspect(struct cli *cli)
{
	int code = CLI_OK;
	lm_cleanup_json json_t *result = call_about(cli, "inspect", &code);

	if (result == NULL)
		return code;
	if (cli->json)
		lm_json_print(cli->out, result);
	else
		print_inspect(cli, result);
	return CLI_OK;
}

/* One row of packets and octets, and a row for each drop reason that has counted. */
static void flatten_counters(const char *kind, json_t *objects, json_t *rows, json_t *drops)
{
	const char *name, *reason;
	json_t *counters, *value;

	json_object_foreach (objects, name, counters) {
		json_t *row = json_copy(counters);

		json_object_set_new(row, "name", json_string(name));
		json_object_set_new(row, "kind", json_string(kind));
		json_array_append_new(rows, row);
		json_object_foreach (json_object_get(counters, "drops"), reason, value)
			if (json_integer_value(value) != 0)
				json_array_append_new(drops,
					json_pack("{s:s, s:s, s:s, s:O}", "name", name, "kind",
						kind, "reason", reason, "pkts", value));
	}
}

static void flatten_reported(json_t *reported, json_t *rows, json_t *drops)
{
	static const struct {
		const char *key, *kind;
	} groups[] = {{"drops", "sliver drop"}, {"punts", "sliver punt"}};
	const char *path, *interface, *name;
	json_t *counters, *value;

	json_object_foreach (reported, path, counters) {
		json_object_foreach (json_object_get(counters, "interfaces"), interface, value) {
			json_t *row = json_copy(value);

			json_object_set_new(row, "name", json_sprintf("%s/%s", path, interface));
			json_object_set_new(row, "kind", json_string("sliver"));
			json_array_append_new(rows, row);
		}
		for (size_t i = 0; i < N(groups); i++)
			json_object_foreach (json_object_get(counters, groups[i].key), name, value)
				if (json_integer_value(value) != 0)
					json_array_append_new(
						drops, json_pack("{s:s, s:s, s:s, s:O}", "name",
							       path, "kind", groups[i].kind,
							       "reason", name, "pkts", value));
	}
}

int cli_counters(struct cli *cli)
{
	static const struct lm_column cols[] = {{"NAME", "name", false}, {"BY", "kind", false},
		{"RX PKTS", "rx_pkts", true}, {"RX OCTETS", "rx_bytes", true},
		{"TX PKTS", "tx_pkts", true}, {"TX OCTETS", "tx_bytes", true}};
	static const struct lm_column drop_cols[] = {{"NAME", "name", false}, {"BY", "kind", false},
		{"REASON", "reason", false}, {"PKTS", "pkts", true}};
	int code = CLI_OK;
	lm_cleanup_json json_t *result = call_about(cli, "counters", &code);
	lm_cleanup_json json_t *rows = json_array();
	lm_cleanup_json json_t *drops = json_array();

	if (result == NULL)
		return code;
	if (cli->json) {
		lm_json_print(cli->out, result);
		return CLI_OK;
	}
	flatten_counters("port", json_object_get(result, "ports"), rows, drops);
	flatten_counters("vif", json_object_get(result, "vifs"), rows, drops);
	flatten_reported(json_object_get(result, "sliver_reported"), rows, drops);
	lm_table_print(cli->out, cols, N(cols), rows, cli->color);
	if (json_array_size(drops) > 0)
		fputc('\n', cli->out);
	lm_table_print(cli->out, drop_cols, N(drop_cols), drops, cli->color);
	return CLI_OK;
}
