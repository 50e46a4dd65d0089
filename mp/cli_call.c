/* SPDX-License-Identifier: BSD-3-Clause */
/* From a node's name to an answer of its slice manager. */
#include "mp/cli.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mp/rpc.h"

#define RUN_DIR "/run/lamina"

/* The one directory below /run/lamina that has a slice manager's socket. */
static const char *only_node(struct cli *cli, int *code)
{
	static char name[NAME_MAX + 1];
	const char *found = NULL;
	glob_t g;

	if (glob(RUN_DIR "/*/slicemgr.sock", 0, NULL, &g) != 0) {
		*code = cli_error(cli, CLI_NOT_RUNNING,
			"no node runs on this machine; start one: lamina node up -c FILE");
		return NULL;
	}
	if (g.gl_pathc == 1) {
		const char *from = g.gl_pathv[0] + strlen(RUN_DIR "/");

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(from, "/"), from);
		found = name;
	} else {
		*code = cli_error(cli, CLI_USAGE,
			"%zu nodes run on this machine: say which with -n NODE", g.gl_pathc);
	}
	globfree(&g);
	return found;
}

const char *cli_node(struct cli *cli, int *code)
{
	const char *name = cli->node != NULL ? cli->node : getenv("LAMINA_NODE");

	if (name == NULL || name[0] == '\0')
		return only_node(cli, code);
	if (strchr(name, '/') != NULL || name[0] == '.' || strlen(name) > 32) {
		*code = cli_error(cli, CLI_USAGE, "'%.64s' is no name of a node", name);
		return NULL;
	}
	return name;
}

json_t *cli_call(struct cli *cli, const char *method, json_t *params, int timeout_ms, int *code)
{
	const char *node = cli_node(cli, code);
	struct lm_err err = {0};
	char path[PATH_MAX];
	json_t *result;

	if (node == NULL) {
		json_decref(params);
		return NULL;
	}
	snprintf(path, sizeof(path), RUN_DIR "/%s/slicemgr.sock", node);
	if (access(path, W_OK) != 0) {
		json_decref(params);
		if (errno == ENOENT)
			*code = cli_error(cli, CLI_NOT_RUNNING,
				"node %s does not run; start it: lamina node up -c FILE", node);
		else if (errno == EACCES)
			*code = cli_error(cli, CLI_NOT_PERMITTED,
				"node %s: only root and group lamina may manage it", node);
		else
			*code = cli_error(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
		return NULL;
	}
	result = lm_rpc_call(path, (uid_t)-1, method, params, timeout_ms, &err);
	if (result == NULL && err.code == ECONNREFUSED)
		*code = cli_error(cli, CLI_NOT_RUNNING,
			"node %s: its slice manager has ended; start it again: lamina node up -c "
			"FILE",
			node);
	else if (result == NULL)
		*code = cli_error(
			cli, err.code == EPERM ? CLI_NOT_PERMITTED : CLI_FAILED, "%s", err.msg);
	return result;
}

int cli_program(char *path, size_t size, const char *name, struct lm_err *err)
{
	static const char *const places[] = {"", "../lib/lamina/"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return lm_err_errno(err, errno, "/proc/self/exe");
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(path, size, "%s%s%s", self, places[i], name) < (int)size &&
			access(path, X_OK) == 0)
			return 0;
	}
	return lm_err_set(
		err, ENOENT, "%s is not beside %slamina nor in %s../lib/lamina", name, self, self);
}
