/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/event.h>

#include "mp/agent.h"

static char dir[] = "/tmp/lm-agent-XXXXXX";
static char program[64], conf[64];

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static struct agent agent_with(const char *script)
{
	write_file(program, script, 0755);
	return (struct agent){.conf = conf,
		.init_sock = "/nonexistent/init.sock",
		.fp_sock = "/nonexistent/fp.sock",
		.vtysh = program,
		.show_ms = 500};
}

struct shown {
	struct event_base *base;
	json_t *result;
	struct lm_err err;
};

static void on_shown(void *ctx, json_t *result, const struct lm_err *err)
{
	struct shown *s = ctx;

	s->result = result;
	s->err = *err;
	event_base_loopbreak(s->base);
}

/* agent_show() and its end: the result or NULL with `err`. */
static json_t *show(struct agent *a, const char *command, struct lm_err *err)
{
	struct shown s = {.base = event_base_new()};

	a->base = s.base;
	ck_assert_int_eq(agent_show_init(a, err), 0);
	if (agent_show(a, command, on_shown, &s, err) == 0) {
		event_base_dispatch(s.base);
		*err = s.err;
	}
	agent_show_fini(a);
	event_base_free(s.base);
	return s.result;
}

START_TEST(who_may_call)
{
	static const struct {
		struct lm_rpc_peer peer;
		int ok;
	} cases[] = {
		{{.pid = 12, .uid = 0}, 1},	/* the sliver's root */
		{{.pid = 0, .uid = 65534}, 1},	/* root of the node, seen from a user namespace */
		{{.pid = 12, .uid = 65534}, 0}, /* the sliver's nobody */
		{{.pid = 12, .uid = 104}, 0},
	};
	struct lm_err err = {0};

	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(agent_check_peer(&cases[i].peer, &err) == 0, cases[i].ok);
}
END_TEST

START_TEST(show_runs_the_command)
{
	struct agent a = agent_with("#!/bin/sh\necho \"$1|$2\"; exit 3\n");
	struct lm_err err = {0};
	json_t *r = show(&a, "show ip route | include x", &err);

	ck_assert_msg(r != NULL, "%s", err.msg);
	ck_assert_str_eq(
		json_string_value(json_object_get(r, "output")), "-c|show ip route | include x\n");
	ck_assert(json_is_false(json_object_get(r, "truncated")));
	ck_assert_int_eq(json_integer_value(json_object_get(r, "exit_status")), 3);
	json_decref(r);
}
END_TEST

START_TEST(show_refuses)
{
	static const char *const bad[] = {"", "show", "showx", "configure terminal", "sh ip ro",
		"show version\nconfigure terminal", "show \x01", " show version"};
	struct agent a = agent_with("#!/bin/sh\nexit 0\n");
	char longest[AGENT_COMMAND_MAX + 8];
	struct lm_err err = {0};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_ptr_null(show(&a, bad[i], &err));
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "show ", 5);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_ptr_null(show(&a, longest, &err));
	a.vtysh = "/nonexistent/vtysh";
	ck_assert_ptr_null(show(&a, "show version", &err));
	ck_assert_int_eq(err.code, ENOENT);
}
END_TEST

START_TEST(show_is_bounded)
{
	struct agent a = agent_with("#!/bin/sh\nexec yes\n");
	struct lm_err err = {0};
	json_t *r = show(&a, "show version", &err);

	ck_assert_msg(r != NULL, "%s", err.msg);
	ck_assert(json_is_true(json_object_get(r, "truncated")));
	ck_assert_uint_le(json_string_length(json_object_get(r, "output")), AGENT_SHOW_MAX);
	json_decref(r);
	a = agent_with("#!/bin/sh\necho a; exec sleep 60\n");
	ck_assert_ptr_null(show(&a, "show version", &err));
	ck_assert_int_eq(err.code, ETIMEDOUT);
	/* output closed, program still there: the wait for its end is bounded too */
	a = agent_with("#!/bin/sh\nexec sleep 60 >/dev/null 2>&1\n");
	r = show(&a, "show version", &err);
	ck_assert_ptr_null(r);
	ck_assert_int_eq(err.code, ETIMEDOUT);
}
END_TEST

START_TEST(shows_are_counted)
{
	struct agent a = agent_with("#!/bin/sh\nexec sleep 60\n");
	struct lm_err err = {0};

	a.base = event_base_new();
	ck_assert_int_eq(agent_show_init(&a, &err), 0);
	for (unsigned int i = 0; i < AGENT_SHOWS_MAX; i++)
		ck_assert_int_eq(agent_show(&a, "show version", on_shown, NULL, &err), 0);
	ck_assert_int_eq(agent_show(&a, "show version", on_shown, NULL, &err), -EBUSY);
	agent_show_fini(&a);
	event_base_free(a.base);
}
END_TEST

START_TEST(text_is_cut_to_fit)
{
	char many[] = "\"\"\"\"", control[] = "\x01\x02", two[] = "a\xc3\xa9", latin[] = "a\xe9 b";
	int cut;
	json_t *t = agent_bounded_text(many, 4, 5, &cut);

	ck_assert_uint_eq(json_string_length(t), 2);
	ck_assert(cut);
	json_decref(t);
	t = agent_bounded_text(control, 2, 12, &cut);
	ck_assert_uint_eq(json_string_length(t), 2);
	ck_assert(!cut);
	json_decref(t);
	/* not in the middle of a character */
	t = agent_bounded_text(two, 3, 2, &cut);
	ck_assert_str_eq(json_string_value(t), "a");
	json_decref(t);
	t = agent_bounded_text(latin, 4, 100, &cut);
	ck_assert_str_eq(json_string_value(t), "a? b");
	json_decref(t);
}
END_TEST

/* The whole way: a request line in, a reply line out. */
static json_t *ask(struct agent *a, const char *line)
{
	struct lm_rpc_peer root = {.pid = 1};
	char *text = lm_rpc_answer(line, strlen(line), agent_methods, a, &root);
	json_t *reply = json_loads(text, 0, NULL);

	free(text);
	ck_assert_ptr_nonnull(reply);
	return reply;
}

START_TEST(raw_sliver)
{
	struct agent a = agent_with("#!/bin/sh\nexit 0\n");
	struct lm_err err = {0};
	json_t *r;

	write_file(conf, "{\"node\":\"n\",\"slice\":\"a\",\"sliver\":\"x\"}", 0644);
	ck_assert_int_lt(agent_load_identity(&a, &err), 0);
	json_decref(a.identity);
	write_file(conf,
		"{\"node\":\"n\",\"slice\":\"a\",\"sliver\":\"x\",\"type\":\"vrouter-raw\"}", 0644);
	ck_assert_int_eq(agent_load_identity(&a, &err), 0);
	r = ask(&a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}");
	ck_assert(json_is_null(json_object_get(json_object_get(r, "result"), "fp")));
	ck_assert(json_is_false(json_object_get(json_object_get(r, "result"), "ready")));
	ck_assert_str_eq(
		json_string_value(json_object_get(json_object_get(r, "result"), "slice")), "a");
	json_decref(r);
	r = ask(&a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fib\",\"params\":{\"family\":4}}");
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(r, "error"), "code")),
		EOPNOTSUPP);
	json_decref(r);
	r = ask(&a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"show\","
		    "\"params\":{\"command\":\"show version\"}}");
	ck_assert_ptr_nonnull(json_object_get(r, "error"));
	json_decref(r);
	json_decref(a.identity);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(program, sizeof(program), "%s/vtysh", dir);
	snprintf(conf, sizeof(conf), "%s/sliver.json", dir);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, who_may_call);
	tcase_add_test(t, show_runs_the_command);
	tcase_add_test(t, show_refuses);
	tcase_add_test(t, show_is_bounded);
	tcase_add_test(t, shows_are_counted);
	tcase_add_test(t, text_is_cut_to_fit);
	tcase_add_test(t, raw_sliver);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	unlink(program);
	unlink(conf);
	rmdir(dir);
	return failed != 0;
}
