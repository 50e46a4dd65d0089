/* SPDX-License-Identifier: BSD-3-Clause */
/* Words of a command line to a command and its options; help out of the same tables. */
#include "mp/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "mp/cleanup.h"

#define WORD_MAX 64

struct cli_option {
	char letter; /* upper case: has a long name only */
	const char *name;
	const char *arg;
	const char *help;
};

/* Letters as in cli_command.options. `-c` means another thing to node up than to vtysh. */
static const struct cli_option cli_options[] = {
	{'n', "node", "NODE", "the Lamina node (default: LAMINA_NODE, or the only one that runs)"},
	{'h', "help", NULL, "this help"},
	{'c', "config", "FILE", "the node's configuration"},
	{'v', "command", "CMD", "run CMD and end; may be given more than once (short: -c)"},
	{'t', "template", "FILE", "the request (RSpec)"},
	{'S', "slice", "NAME", "the slice's name (default: what the request says)"},
	{'F', "format", "table|json", "how to print (default: table)"},
	{'T', "timeout", "SECONDS", "how long to wait for an answer"},
};
#define N_OPTIONS (sizeof(cli_options) / sizeof(cli_options[0]))

int cli_error(struct cli *cli, int code, const char *fmt, ...)
{
	lm_cleanup_free char *text = NULL;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (rc < 0) {
		text = NULL;
		fputs("lamina: out of memory\n", cli->errors);
		return code;
	}
	/* it may quote a request or a sliver */
	lm_err_plain(text);
	fprintf(cli->errors, "lamina: %s\n", text);
	return code;
}

static bool takes(const struct cli_command *cmd, char letter)
{
	return letter == 'n' || letter == 'h' ||
	       (cmd != NULL && cmd->options != NULL && strchr(cmd->options, letter) != NULL);
}

static char short_of(const struct cli_option *o)
{
	if (o->letter == 'v')
		return 'c';
	return (char)(o->letter >= 'a' ? o->letter : 0);
}

static void print_options(FILE *out, const struct cli_command *cmd)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct cli_option *o = &cli_options[i];
		char left[WORD_MAX];

		if (!takes(cmd, o->letter))
			continue;
		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", short_of(o) != 0 ? '-' : ' ',
			short_of(o) != 0 ? short_of(o) : ' ', short_of(o) != 0 ? ", " : "  ",
			o->name, o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
		fprintf(out, "  %-26s %s\n", left, o->help);
	}
}

static void help_all(FILE *out, const struct cli_command *table)
{
	fputs("usage: lamina [-n NODE] COMMAND ...\n\n", out);
	for (; table->name != NULL; table++) {
		char left[WORD_MAX * 2];

		snprintf(left, sizeof(left), "%s %s", table->name, table->operands);
		fprintf(out, "  %-34s %s\n", left, table->help);
	}
	fputs("\nOptions of all commands:\n", out);
	print_options(out, NULL);
	fputs("\n`lamina COMMAND --help` tells more. Exit codes: 0 done, 1 failed, 2 wrong usage,\n"
	      "3 the node is not running, 4 not permitted; exec: that of the command.\n",
		out);
}

static void help_one(FILE *out, const struct cli_command *cmd)
{
	fprintf(out, "usage: lamina [-n NODE] %s %s\n\n%s.\n", cmd->name, cmd->operands, cmd->help);
	if (cmd->more != NULL)
		fprintf(out, "%s\n", cmd->more);
	fputc('\n', out);
	print_options(out, cmd);
}

/* Levenshtein distance of short words. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[WORD_MAX + 1];
	size_t len = strlen(b);

	if (len > WORD_MAX || strlen(a) > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i + 1;
		for (size_t j = 0; j < len; j++) {
			unsigned int replace = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = MIN(MIN(row[j], diagonal) + 1, replace);
		}
	}
	return row[len];
}

const char *cli_nearest(const struct cli_command *table, const char *word)
{
	const char *best = NULL;
	unsigned int best_d = 3;

	for (; table->name != NULL; table++) {
		unsigned int d = distance(word, table->name);

		if (d < best_d || (best == NULL && strlen(word) >= 3 &&
					  strncmp(word, table->name, strlen(word)) == 0)) {
			best = table->name;
			best_d = d < best_d ? d : best_d;
		}
	}
	return best;
}

/* The command that argv[0] (and argv[1]) name; *words: how many words that took. */
static const struct cli_command *find(
	const struct cli_command *table, int argc, char **argv, int *words)
{
	for (; table->name != NULL; table++) {
		const char *second = strchr(table->name, ' ');
		size_t len = second != NULL ? (size_t)(second - table->name) : strlen(table->name);

		if (strncmp(argv[0], table->name, len) != 0 || argv[0][len] != '\0')
			continue;
		*words = second != NULL ? 2 : 1;
		if (second == NULL || (argc > 1 && strcmp(argv[1], second + 1) == 0))
			return table;
	}
	return NULL;
}

static int unknown(const struct cli_command *table, struct cli *cli, int argc, char **argv)
{
	char word[WORD_MAX * 2 + 2];
	const char *near;
	bool group = false;

	for (const struct cli_command *c = table; c->name != NULL; c++) {
		size_t len = strlen(argv[0]);

		group |= strncmp(c->name, argv[0], len) == 0 && c->name[len] == ' ';
	}
	snprintf(word, sizeof(word), "%.*s%s%.*s", WORD_MAX, argv[0], group && argc > 1 ? " " : "",
		WORD_MAX, group && argc > 1 ? argv[1] : "");
	near = cli_nearest(table, word);
	if (near == NULL && group)
		return cli_error(
			cli, CLI_USAGE, "'%s' is not a whole command; see: lamina --help", word);
	if (near == NULL)
		return cli_error(cli, CLI_USAGE, "no command '%s'; see: lamina --help", word);
	return cli_error(cli, CLI_USAGE, "no command '%s'; did you mean '%s'?", word, near);
}

static int set_seconds(struct cli *cli, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end != '\0' || value < 1 || value > 3600)
		return cli_error(cli, CLI_USAGE, "--timeout %s: 1 to 3600 seconds, please", text);
	cli->timeout_s = (unsigned int)value;
	return 0;
}

static int set_option(struct cli *cli, int letter, const char *arg)
{
	switch (letter) {
	case 'n':
		cli->node = arg;
		return 0;
	case 'c':
		cli->config = arg;
		return 0;
	case 't':
		cli->spec = arg;
		return 0;
	case 'S':
		cli->slice = arg;
		return 0;
	case 'v':
		if (cli->n_vty == CLI_COMMANDS_MAX)
			return cli_error(cli, CLI_USAGE, "more than %d commands", CLI_COMMANDS_MAX);
		cli->vty[cli->n_vty++] = arg;
		return 0;
	case 'F':
		cli->json = strcmp(arg, "json") == 0;
		if (!cli->json && strcmp(arg, "table") != 0)
			return cli_error(cli, CLI_USAGE, "--format %s: table or json, please", arg);
		return 0;
	default:
		return set_seconds(cli, arg);
	}
}

/* Reads options with getopt; *help is set by -h. Returns 0 or an exit code. */
static int read_options(
	struct cli *cli, const struct cli_command *cmd, int argc, char **argv, bool *help)
{
	/* "+": the first word that is no option ends them; what follows may be another's options */
	bool stop = cmd == NULL || cmd->max_args < 0;
	struct option longs[N_OPTIONS + 1] = {0};
	char shorts[2 * N_OPTIONS + 3];
	size_t n = 0, s = 0;
	int c;

	if (stop)
		shorts[s++] = '+';
	shorts[s++] = ':';
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct cli_option *o = &cli_options[i];

		if (!takes(cmd, o->letter))
			continue;
		longs[n++] = (struct option){o->name, o->arg != NULL, NULL, o->letter};
		if (short_of(o) != 0) {
			shorts[s++] = short_of(o);
			if (o->arg != NULL)
				shorts[s++] = ':';
		}
	}
	shorts[s] = '\0';
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		int rc = 0;

		if (c == 'h')
			*help = true;
		else if (c == ':')
			return cli_error(cli, CLI_USAGE, "%s wants a value", argv[optind - 1]);
		else if (c == '?')
			return cli_error(cli, CLI_USAGE,
				"no option '%s'%s%s; see: lamina%s%s --help", argv[optind - 1],
				cmd != NULL ? " of " : "", cmd != NULL ? cmd->name : "",
				cmd != NULL ? " " : "", cmd != NULL ? cmd->name : "");
		else if (c == 'c' && !takes(cmd, 'c'))
			rc = set_option(cli, 'v', optarg);
		else
			rc = set_option(cli, c, optarg);
		if (rc != 0)
			return rc;
	}
	return 0;
}

const struct cli_command *cli_parse(
	const struct cli_command *table, struct cli *cli, int argc, char **argv, int *code)
{
	const struct cli_command *cmd;
	bool help = false;
	int words = 0, from;

	*code = read_options(cli, NULL, argc, argv, &help);
	if (*code != 0)
		return NULL;
	if (help || optind == argc) {
		*code = help ? CLI_OK : CLI_USAGE;
		help_all(help ? cli->out : cli->errors, table);
		return NULL;
	}
	from = optind;
	cmd = find(table, argc - from, argv + from, &words);
	if (cmd == NULL) {
		*code = unknown(table, cli, argc - from, argv + from);
		return NULL;
	}
	/* getopt skips its argv[0]: the command's last word stands there */
	from += words - 1;
	*code = read_options(cli, cmd, argc - from, argv + from, &help);
	if (*code != 0)
		return NULL;
	if (help) {
		help_one(cli->out, cmd);
		return NULL;
	}
	cli->argv = argv + from + optind;
	cli->argc = argc - from - optind;
	if (cli->argc < cmd->min_args || (cmd->max_args >= 0 && cli->argc > cmd->max_args)) {
		*code = cli_error(
			cli, CLI_USAGE, "usage: lamina [-n NODE] %s %s", cmd->name, cmd->operands);
		return NULL;
	}
	return cmd;
}
