/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines: what is understood, what is refused and how, and the help. */
#include "mp/cli.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16

static struct cli cli;
static char *said, *complained;
static const struct cli_command *found;
static int code;

/* Parses "lamina" and the words of `line` (split at blanks). */
static void parse(const char *line)
{
	static char text[256];
	static char *argv[WORDS_MAX + 1];
	size_t n1, n2;
	int argc = 1;

	free(said);
	free(complained);
	memset(&cli, 0, sizeof(cli));
	cli.timeout_s = 10;
	cli.out = open_memstream(&said, &n1);
	cli.errors = open_memstream(&complained, &n2);
	argv[0] = (char[]){"lamina"};
	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok(text, " "); w != NULL && argc < WORDS_MAX; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	code = CLI_OK;
	found = cli_parse(cli_commands, &cli, argc, argv, &code);
	fclose(cli.out);
	fclose(cli.errors);
}

static void understood(const char *line, const char *name)
{
	parse(line);
	ck_assert_msg(found != NULL, "%s: %s", line, complained);
	ck_assert_str_eq(found->name, name);
}

static void refused(const char *line, const char *words)
{
	parse(line);
	ck_assert_ptr_null(found);
	ck_assert_int_eq(code, CLI_USAGE);
	ck_assert_msg(strstr(complained, words) != NULL, "%s: '%s'", line, complained);
	ck_assert_str_eq(said, "");
}

START_TEST(commands)
{
	understood("-n n1 node up -c f.xml", "node up");
	ck_assert_str_eq(cli.node, "n1");
	ck_assert_str_eq(cli.config, "f.xml");
	understood("node down -n n2", "node down");
	ck_assert_str_eq(cli.node, "n2");
	understood("apply -t f --slice a", "apply");
	ck_assert_str_eq(cli.spec, "f");
	ck_assert_str_eq(cli.slice, "a");
	understood("inspect", "inspect");
	understood("inspect a --format json", "inspect");
	ck_assert(cli.json);
	ck_assert_int_eq(cli.argc, 1);
	ck_assert_str_eq(cli.argv[0], "a");
	understood("inspect --format=table a", "inspect");
	ck_assert(!cli.json);
	ck_assert_str_eq(cli.argv[0], "a");
	understood("vtysh a/r1 -c show -c version --timeout 3", "vtysh");
	ck_assert_uint_eq(cli.n_vty, 2);
	ck_assert_str_eq(cli.vty[1], "version");
	ck_assert_uint_eq(cli.timeout_s, 3);
}
END_TEST

START_TEST(exec_leaves_its_command_alone)
{
	understood("exec a/r1 -- ls -l --help", "exec");
	ck_assert_str_eq(cli.argv[0], "a/r1");
	ck_assert_int_eq(cli.argc, 5);
	understood("exec -n n1 a/r1 ls -l", "exec");
	ck_assert_str_eq(cli.node, "n1");
	ck_assert_str_eq(cli.argv[2], "-l");
	refused("exec a/r1", "usage: lamina [-n NODE] exec");
}
END_TEST

START_TEST(refusals)
{
	refused("", "usage: lamina");
	refused("inspct", "did you mean 'inspect'?");
	refused("node upp", "did you mean 'node up'?");
	refused("node", "did you mean 'node up'?");
	refused("node frobnicate", "'node frobnicate' is not a whole command");
	refused("dest", "did you mean 'destroy'?");
	refused("xyzzy", "no command 'xyzzy'; see: lamina --help");
	refused("--frob inspect", "no option '--frob'");
	refused("inspect --frob", "no option '--frob' of inspect");
	refused("destroy", "usage: lamina [-n NODE] destroy SLICE");
	refused("destroy a b", "usage: lamina [-n NODE] destroy SLICE");
	refused("inspect --format xml", "table or json");
	refused("vtysh a/r1 --timeout 0", "1 to 3600 seconds");
	refused("vtysh a/r1 --timeout 5x", "1 to 3600 seconds");
	refused("apply -t", "-t wants a value");
	refused("evil\x1b[31m\xc2\x9b\n", "no command 'evil [31m   '");
}
END_TEST

START_TEST(help)
{
	parse("--help");
	ck_assert_ptr_null(found);
	ck_assert_int_eq(code, CLI_OK);
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		ck_assert_msg(strstr(said, c->name) != NULL, "%s", c->name);
		ck_assert_msg(strstr(said, c->help) != NULL, "%s", c->name);
	}
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		char line[64];

		snprintf(line, sizeof(line), "%s --help", c->name);
		parse(line);
		ck_assert_int_eq(code, CLI_OK);
		ck_assert_msg(strstr(said, c->help) != NULL, "%s", line);
		ck_assert_str_eq(complained, "");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli");
	TCase *tcase = tcase_create("cli");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, commands);
	tcase_add_test(tcase, exec_leaves_its_command_alone);
	tcase_add_test(tcase, refusals);
	tcase_add_test(tcase, help);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	free(said);
	free(complained);
	return failed != 0;
}
