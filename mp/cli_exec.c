/* SPDX-License-Identifier: BSD-3-Clause */
/* `lamina exec` and `lamina vtysh`: commands inside a sliver, never without an end. */
#include "mp/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "mp/core_limit.h"

#define ARGS_MAX	512
#define PROBE_TIMEOUT_S 2
/* runc itself needs time to enter the sliver, and `timeout -k` to make an end. */
#define OUTER_GRACE_MS 5000
#define TIMED_OUT      124 /* what timeout(1) exits with */
#define KILLED	       137 /* ... when SIGTERM was not enough */

struct args {
	const char *v[ARGS_MAX + 1];
	size_t n;
};

static void add(struct args *args, const char *word)
{
	if (args->n < ARGS_MAX)
		args->v[args->n++] = word;
	args->v[args->n] = NULL;
}

/* Starts with what enters the sliver ("exec" or "exec_tty" of sliver.locate). */
static void enter(struct args *args, const json_t *where, bool terminal)
{
	const json_t *words = json_object_get(where, terminal ? "exec_tty" : "exec");
	const json_t *word;
	size_t i;

	args->n = 0;
	json_array_foreach (words, i, word)
		add(args, json_string_value(word));
}

static json_t *locate(struct cli *cli, int *code)
{
	json_t *params = json_pack("{s:s}", "path", cli->argv[0]);

	if (params == NULL) {
		*code = cli_error(cli, CLI_FAILED, "the sliver's name is not UTF-8");
		return NULL;
	}
	if (geteuid() != 0) {
		json_decref(params);
		*code = cli_error(cli, CLI_NOT_PERMITTED, "entering a sliver needs root; use sudo");
		return NULL;
	}
	return cli_call(cli, "sliver.locate", params, CLI_RPC_TIMEOUT_MS, code);
}

static int become(struct cli *cli, struct args *args)
{
	signal(SIGPIPE, SIG_DFL);
	fflush(NULL);
	lm_core_limit_set();
	execvp(args->v[0], (char *const *)args->v);
	return cli_error(cli, CLI_FAILED, "%s: %s", args->v[0], strerror(errno));
}

int cli_exec(struct cli *cli)
{
	int code = CLI_OK, first = 1;
	lm_cleanup_json json_t *where = NULL;
	struct args args;

	if (strcmp(cli->argv[1], "--") == 0)
		first = 2;
	if (cli->argc <= first)
		return cli_error(cli, CLI_USAGE, "exec: which command? lamina exec %s -- CMD...",
			cli->argv[0]);
	where = locate(cli, &code);
	if (where == NULL)
		return code;
	enter(&args, where, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	if (args.n + (size_t)(cli->argc - first) > ARGS_MAX)
		return cli_error(cli, CLI_FAILED, "exec: more than %d words", ARGS_MAX);
	for (int i = first; i < cli->argc; i++)
		add(&args, cli->argv[i]);
	return become(cli, &args);
}

/* Waits for a child of ours; after `limit_ms` it gets SIGTERM, then SIGKILL. */
static int wait_child(pid_t pid, int limit_ms)
{
	lm_cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int status;

	if (fd >= 0 && poll(&p, 1, limit_ms) == 0) {
		kill(pid, SIGTERM);
		if (poll(&p, 1, 1000) == 0)
			kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return KILLED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

/* Runs args; `output`: a descriptor for what it prints, or -1 for ours. Returns its exit code. */
static int run(const struct args *args, int output, int limit_ms)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return CLI_FAILED;
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		signal(SIGPIPE, SIG_DFL);
		dup2(null, STDIN_FILENO);
		if (output >= 0) {
			dup2(output, STDOUT_FILENO);
			dup2(null, STDERR_FILENO);
		}
		lm_core_limit_set();
		execvp(args->v[0], (char *const *)args->v);
		_exit(127);
	}
	return wait_child(pid, limit_ms);
}

/* The daemon's process id as the sliver counts; 0 when it cannot be told. */
static long pid_of(const json_t *where, const char *daemon)
{
	struct args args;
	char file[64], text[32] = "";
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return 0;
	snprintf(file, sizeof(file), "/run/frr/%.32s.pid", daemon);
	enter(&args, where, false);
	add(&args, "head");
	add(&args, "-c16");
	add(&args, file);
	if (run(&args, fds[1], PROBE_TIMEOUT_S * 1000 + OUTER_GRACE_MS) == 0 &&
		read(fds[0], text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fds[0]);
	close(fds[1]);
	return strtol(text, NULL, 10);
}

/*
 * Asks each daemon alone for its version. Names those that do not answer; returns how many.
 */
static unsigned int probe(struct cli *cli, const json_t *where, const char *after)
{
	const json_t *daemons = json_object_get(where, "daemons");
	lm_cleanup_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const json_t *item;
	unsigned int stuck = 0;
	char limit[16];
	size_t i;

	snprintf(limit, sizeof(limit), "%d", PROBE_TIMEOUT_S);
	json_array_foreach (daemons, i, item) {
		const char *daemon = json_string_value(item);
		struct args args;
		int rc;

		enter(&args, where, false);
		add(&args, "timeout");
		add(&args, "-k1");
		add(&args, limit);
		add(&args, "vtysh");
		add(&args, "-d");
		add(&args, daemon);
		add(&args, "-c");
		add(&args, "show version");
		rc = run(&args, null, PROBE_TIMEOUT_S * 1000 + OUTER_GRACE_MS);
		if (rc == 0)
			continue;
		stuck++;
		if (rc == TIMED_OUT || rc == KILLED)
			cli_error(cli, 0, "%s: %s (pid %ld) does not answer on its vty%s",
				cli->argv[0], daemon, pid_of(where, daemon), after);
		else
			cli_error(cli, 0, "%s: %s does not run%s", cli->argv[0], daemon, after);
	}
	return stuck;
}

static int vtysh_once(struct cli *cli, const json_t *where)
{
	struct args args;
	char limit[16], after[64];
	int rc;

	snprintf(limit, sizeof(limit), "%u", cli->timeout_s);
	enter(&args, where, false);
	add(&args, "timeout");
	add(&args, "-k1");
	add(&args, limit);
	add(&args, "vtysh");
	for (unsigned int i = 0; i < cli->n_vty; i++) {
		add(&args, "-c");
		add(&args, cli->vty[i]);
	}
	rc = run(&args, -1, (int)cli->timeout_s * 1000 + OUTER_GRACE_MS);
	if (rc != TIMED_OUT && rc != KILLED)
		return rc;
	snprintf(after, sizeof(after), "; killed vtysh after %u s", cli->timeout_s);
	if (probe(cli, where, after) == 0)
		cli_error(cli, 0,
			"%s: every daemon answers, but vtysh did not end in %u s; killed "
			"it (--timeout gives it longer)",
			cli->argv[0], cli->timeout_s);
	return CLI_FAILED;
}

int cli_vtysh(struct cli *cli)
{
	int code = CLI_OK;
	lm_cleanup_json json_t *where = locate(cli, &code);
	struct args args;

	if (where == NULL)
		return code;
	if (json_array_size(json_object_get(where, "daemons")) == 0)
		return cli_error(
			cli, CLI_FAILED, "%s: this sliver runs no routing daemons", cli->argv[0]);
	if (cli->n_vty > 0)
		return vtysh_once(cli, where);
	if (probe(cli, where, "") > 0)
		return cli_error(cli, CLI_FAILED,
			"%s: vtysh would hang; ask others with: lamina exec %s -- vtysh -d DAEMON",
			cli->argv[0], cli->argv[0]);
	enter(&args, where, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	add(&args, "vtysh");
	return become(cli, &args);
}
