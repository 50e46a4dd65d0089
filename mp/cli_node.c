/* SPDX-License-Identifier: BSD-3-Clause */
/* `lamina node up|down|status`. */
#include "mp/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "mp/table.h"

#define NODE_UP_TIMEOUT_S 60
#define NODE_END_MS	  5000
#define LINE_SIZE	  1024

/* In the grandchild: nothing but the descriptor `ready` ties it to the caller any more. */
static void __attribute__((noreturn))
become_slicemgr(const char *program, const char *config, int ready)
{
	char fd[16];
	int null = open("/dev/null", O_RDWR);

	snprintf(fd, sizeof(fd), "%d", ready);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	execl(program, "lamina-slicemgr", "--config", config, "--ready-fd", fd, NULL);
	dprintf(ready, "error %s: %s\n", program, strerror(errno));
	_exit(CLI_FAILED);
}

static int start(const char *program, const char *config, int ready, struct lm_err *err)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return lm_err_errno(err, errno, "fork");
	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid == 0)
			become_slicemgr(program, config, ready);
		_exit(pid < 0);
	}
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		return lm_err_set(err, EAGAIN, "cannot make a process");
	return 0;
}

/* Reads slicemgr's one line: "ready NODE" or "error WHY". */
static int await(int fd, char *line, size_t size, struct lm_err *err)
{
	time_t deadline_s = time(NULL) + NODE_UP_TIMEOUT_S;
	size_t len = 0;

	while (len < size - 1 && memchr(line, '\n', len) == NULL) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		time_t left_s = deadline_s - time(NULL);
		ssize_t n = 0;

		if (left_s <= 0 || poll(&p, 1, (int)left_s * 1000) == 0)
			return lm_err_set(
				err, ETIMEDOUT, "the node is not up after %d s", NODE_UP_TIMEOUT_S);
		n = read(fd, line + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (len == 0)
		return lm_err_set(err, EIO, "lamina-slicemgr ended while it started");
	if (strncmp(line, "error ", 6) == 0)
		return lm_err_set(err, EIO, "%s", line + 6);
	return 0;
}

int cli_node_up(struct cli *cli)
{
	struct lm_err err = {0};
	char program[PATH_MAX], line[LINE_SIZE] = "";
	int fds[2], rc;

	if (cli->config == NULL)
		return cli_error(cli, CLI_USAGE, "node up: which node? give its file: -c FILE");
	if (geteuid() != 0)
		return cli_error(cli, CLI_NOT_PERMITTED,
			"node up makes namespaces, cgroups and containers and needs root; use "
			"sudo");
	if (cli_program(program, sizeof(program), "lamina-slicemgr", &err) < 0)
		return cli_error(cli, CLI_FAILED, "%s", err.msg);
	if (pipe(fds) < 0)
		return cli_error(cli, CLI_FAILED, "pipe: %s", strerror(errno));
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	rc = start(program, cli->config, fds[1], &err);
	close(fds[1]);
	if (rc == 0)
		rc = await(fds[0], line, sizeof(line), &err);
	close(fds[0]);
	if (rc < 0)
		return cli_error(cli, CLI_FAILED, "%s", err.msg);
	fprintf(cli->out, "node %s is up\n", line + strcspn(line, " ") + 1);
	return CLI_OK;
}

/* The last answer comes before the last file is gone: wait for the process itself. */
static void await_end(const json_t *result)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(result, "pid"));
	lm_cleanup_close int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd >= 0)
		poll(&p, 1, NODE_END_MS);
}

int cli_node_down(struct cli *cli)
{
	int code = CLI_OK;
	lm_cleanup_json json_t *result =
		cli_call(cli, "node.down", NULL, CLI_CHANGE_TIMEOUT_MS, &code);
	const char *name = json_string_value(json_object_get(result, "node"));

	if (result == NULL)
		return code;
	await_end(result);
	fprintf(cli->out, "node %s is down\n", name != NULL ? name : "-");
	return CLI_OK;
}

int cli_node_status(struct cli *cli)
{
	static const struct lm_column columns[] = {
		{"NODE", "node", false},
		{"STATE", "state", false},
		{"UPTIME", "uptime_s", true},
		{"SLICEMGR", "pid", true},
		{"SUBSTRATE", "substrate_pid", true},
		{"RESTARTS", "substrate_restarts", true},
		{"PORTS", "ports", true},
		{"SLICES", "slices", true},
		{"SLIVERS", "slivers", true},
		{"RUNDIR", "rundir", false},
	};
	int code = CLI_OK;
	lm_cleanup_json json_t *result =
		cli_call(cli, "node.status", NULL, CLI_RPC_TIMEOUT_MS, &code);
	lm_cleanup_json json_t *rows = NULL;

	if (result == NULL)
		return code;
	rows = json_pack("[O]", result);
	if (cli->json)
		lm_json_print(cli->out, result);
	else
		lm_table_print(
			cli->out, columns, sizeof(columns) / sizeof(columns[0]), rows, cli->color);
	return CLI_OK;
}
