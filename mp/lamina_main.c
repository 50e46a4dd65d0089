/* SPDX-License-Identifier: BSD-3-Clause */
/* `lamina`: what admins and experimenters type. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mp/cli.h"
#include "mp/log.h"

int main(int argc, char **argv)
{
	struct cli cli = {.timeout_s = CLI_VTYSH_TIMEOUT_S, .out = stdout, .errors = stderr};
	const struct cli_command *cmd;
	int code = CLI_OK;

	lm_log_init("lamina");
	signal(SIGPIPE, SIG_IGN);
	cli.color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	cmd = cli_parse(cli_commands, &cli, argc, argv, &code);
	if (cmd != NULL)
		code = cmd->fn(&cli);
	if (fflush(stdout) != 0 && code == CLI_OK)
		code = CLI_FAILED;
	return code;
}
