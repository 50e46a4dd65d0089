/* SPDX-License-Identifier: BSD-3-Clause */
/* One JSON-RPC 2.0 request line to one reply line, with no I/O of its own. */
#include "mp/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mp/cleanup.h"
#include "mp/rpc_internal.h"

/* Codes the JSON-RPC 2.0 specification gives. Ours are positive errno values. */
enum { RPC_PARSE_ERROR = -32700, RPC_INVALID_REQUEST = -32600, RPC_METHOD_NOT_FOUND = -32601 };

static char *dump_line(json_t *reply)
{
	lm_cleanup_free char *text = json_dumps(reply, JSON_COMPACT);
	size_t len;
	char *line;

	json_decref(reply);
	if (text == NULL)
		return NULL;
	len = strlen(text);
	line = malloc(len + 2);
	if (line == NULL)
		return NULL;
	memcpy(line, text, len);
	line[len] = '\n';
	line[len + 1] = '\0';
	return line;
}

/* As a JSON string; a message may quote what is not UTF-8, or have been cut inside a character. */
static json_t *message_text(const char *msg)
{
	json_t *text = json_string(msg);
	char ascii[LM_ERR_MSG_MAX];
	size_t i;

	if (text != NULL)
		return text;
	for (i = 0; i < sizeof(ascii) - 1 && msg[i] != '\0'; i++)
		ascii[i] = (unsigned char)msg[i] < 0x80 ? msg[i] : '?';
	ascii[i] = '\0';
	return json_string(ascii);
}

static char *error_line(json_t *id, int code, const char *msg)
{
	json_t *text = message_text(msg);

	return dump_line(json_pack("{s:s, s:O, s:{s:i, s:o}}", "jsonrpc", "2.0", "id", id, "error",
		"code", code, "message", text));
}

static const struct lm_rpc_method *find_method(
	const struct lm_rpc_method *methods, const char *name)
{
	for (; methods->name != NULL; methods++)
		if (strcmp(methods->name, name) == 0)
			return methods;
	return NULL;
}

bool rpc_request_parse(struct rpc_request *req, const char *line, size_t len,
	const struct lm_rpc_method *methods, char **reply)
{
	lm_cleanup_json json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *id = json_object_get(json, "id");
	json_t *params = json_object_get(json, "params");
	const char *version = json_string_value(json_object_get(json, "jsonrpc"));
	const char *name = json_string_value(json_object_get(json, "method"));

	*reply = NULL;
	if (json == NULL) {
		*reply = error_line(json_null(), RPC_PARSE_ERROR, "the line is not a JSON text");
		return false;
	}
	if (version == NULL || strcmp(version, "2.0") != 0 || name == NULL ||
		(id != NULL && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id)) ||
		(params != NULL && !json_is_object(params) && !json_is_array(params))) {
		*reply = error_line(json_null(), RPC_INVALID_REQUEST, "not a JSON-RPC 2.0 request");
		return false;
	}
	req->method = find_method(methods, name);
	if (req->method == NULL) {
		struct lm_err err = {0};

		lm_err_set(&err, ENOSYS, "no method '%.64s'", name);
		if (id != NULL)
			*reply = error_line(id, RPC_METHOD_NOT_FOUND, err.msg);
		return false;
	}
	req->id = id;
	req->params = params;
	req->json = json_incref(json);
	return true;
}

char *rpc_reply_line(json_t *id, json_t *result, const struct lm_err *err)
{
	lm_cleanup_free char *line = NULL;
	char *reply;

	if (result == NULL)
		return error_line(id, err->code != 0 ? err->code : EIO,
			err->code != 0 ? err->msg : "failed without saying why");
	line = dump_line(
		json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result));
	/* whoever asked waits: say at least that */
	if (line == NULL)
		return error_line(id, EIO, "the answer cannot be written as JSON");
	if (strlen(line) > LM_RPC_LINE_MAX)
		return error_line(id, EMSGSIZE, "the answer is longer than 1048576 octets");
	reply = line;
	line = NULL;
	return reply;
}

char *lm_rpc_answer(const char *line, size_t len, const struct lm_rpc_method *methods, void *ctx,
	const struct lm_rpc_peer *peer)
{
	struct rpc_request req = {0};
	struct lm_err err = {0};
	char *reply;
	json_t *result;

	if (!rpc_request_parse(&req, line, len, methods, &reply))
		return reply;
	result = req.method->fn(ctx, peer, req.params, &err);
	if (req.id == NULL)
		json_decref(result);
	else
		reply = rpc_reply_line(req.id, result, &err);
	json_decref(req.json);
	return reply;
}
