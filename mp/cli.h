/* SPDX-License-Identifier: BSD-3-Clause */
/* The `lamina` command: one table of commands drives parsing, help and "did you mean". */
#ifndef LM_MP_CLI_H
#define LM_MP_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>

#include "mp/err.h"

#define CLI_COMMANDS_MAX      32 /* -c of vtysh */
#define CLI_VTYSH_TIMEOUT_S   10
#define CLI_RPC_TIMEOUT_MS    10000
#define CLI_CHANGE_TIMEOUT_MS 300000 /* apply, destroy and node down answer when all is done */

/* What `lamina` exits with; exec passes on the exit code of its command instead. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_RUNNING = 3,
	CLI_NOT_PERMITTED = 4,
};

/** What the words of a command line say. Strings are borrowed from argv. */
struct cli {
	const char *node;	/* -n; NULL: LAMINA_NODE, or the only one that runs */
	const char *config;	/* -c of node up */
	const char *spec;	/* -t */
	const char *slice;	/* --slice */
	bool json;		/* --format json */
	unsigned int timeout_s; /* --timeout */
	unsigned int n_vty;	/* -c of vtysh */
	const char *vty[CLI_COMMANDS_MAX];
	int argc; /* the operands, NULL-terminated */
	char **argv;
	FILE *out, *errors;
	bool color;
};

/** Run a parsed command. Errors are printed; returns the exit code. */
typedef int (*cli_fn)(struct cli *cli);

struct cli_command {
	const char *name;	/* one or two words: "node up" */
	const char *operands;	/* as the help shows them */
	const char *options;	/* letters of the options it takes (cli_options in cli_parse.c) */
	const char *help;	/* one line */
	const char *more;	/* for its own --help; may be NULL */
	int min_args, max_args; /* operands; max_args -1: a command line of another program */
	cli_fn fn;
};

/** All commands; the last has name NULL. */
extern const struct cli_command cli_commands[];

/**
 * Parse argv, print help or a usage error when that is the outcome (*code: CLI_OK or CLI_USAGE,
 * returns NULL), else fill `cli` and return the command to run. `table` is cli_commands but in
 * tests. Not reentrant (getopt).
 */
const struct cli_command *cli_parse(
	const struct cli_command *table, struct cli *cli, int argc, char **argv, int *code);

/** The name in `table` nearest to `word`, or NULL when none is near. */
const char *cli_nearest(const struct cli_command *table, const char *word);

/** Print "lamina: " and a line on cli->errors. Returns `code`. */
int cli_error(struct cli *cli, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Call slicemgr of the node that the command line means. Steals `params`. NULL: the error has been
 * printed and *code is the exit code.
 */
json_t *cli_call(struct cli *cli, const char *method, json_t *params, int timeout_ms, int *code);

/** The node the command line means: -n, LAMINA_NODE or the only one that runs. NULL: printed. */
const char *cli_node(struct cli *cli, int *code);

/** Path of program `name` (lamina-X) beside the running `lamina` or in ../lib/lamina of it. */
int cli_program(char *path, size_t size, const char *name, struct lm_err *err);

int cli_node_up(struct cli *cli);
int cli_node_down(struct cli *cli);
int cli_node_status(struct cli *cli);
int cli_apply(struct cli *cli);
int cli_destroy(struct cli *cli);
int cli_inspect(struct cli *cli);
int cli_counters(struct cli *cli);
int cli_exec(struct cli *cli);
int cli_vtysh(struct cli *cli);

#endif
