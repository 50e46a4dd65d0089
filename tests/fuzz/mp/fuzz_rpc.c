/* SPDX-License-Identifier: BSD-3-Clause */
/* Any octets as one request line: the answer is one line of JSON-RPC 2.0, or none. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mp/rpc.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static json_t *m_echo(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	(void)ctx;
	(void)peer;
	(void)err;
	return params == NULL ? json_null() : json_deep_copy(params);
}

/* An error that quotes what the client sent. */
static json_t *m_fail(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *text = json_string_value(json_object_get(params, "text"));

	(void)ctx;
	(void)peer;
	lm_err_set(err, 22, "'%.7s' is no name", text != NULL ? text : "");
	return NULL;
}

static const struct lm_rpc_method methods[] = {{"echo", m_echo}, {"fail", m_fail}, {NULL, NULL}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_rpc_peer peer = {0};
	char *reply = lm_rpc_answer((const char *)data, size, methods, NULL, &peer);
	json_t *json;
	size_t len;

	if (reply == NULL)
		return 0;
	len = strlen(reply);
	MUST(len > 0 && strchr(reply, '\n') == reply + len - 1);
	json = json_loadb(reply, len, JSON_REJECT_DUPLICATES, NULL);
	MUST(json_is_object(json));
	MUST(json_object_get(json, "id") != NULL);
	MUST((json_object_get(json, "result") != NULL) != (json_object_get(json, "error") != NULL));
	json_decref(json);
	free(reply);
	return 0;
}
