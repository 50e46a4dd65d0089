/* SPDX-License-Identifier: BSD-3-Clause */
/* lamina-agent: serves agent.sock of the sliver it runs in (docs/control-plane.md). */
#include <signal.h>
#include <stdio.h>
#include <event2/event.h>

#include "cp/sliver.h"
#include "mp/agent.h"
#include "mp/log.h"

static void on_term(int sig, short what, void *base)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(base);
}

static int serve(struct agent *agent, struct lm_err *err)
{
	struct lm_rpc_listen where = {
		.path = LM_SLIVER_AGENT_SOCK, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
	struct event *term;
	int rc;

	agent->base = event_base_new();
	if (agent->base == NULL)
		return lm_err_set(err, ENOMEM, "cannot make an event loop");
	term = evsignal_new(agent->base, SIGTERM, on_term, agent->base);
	rc = agent_show_init(agent, err);
	if (rc == 0) {
		agent->server = lm_rpc_server_new(agent->base, &where, agent_methods, agent, err);
		rc = agent->server == NULL ? -err->code : 0;
	}
	if (rc == 0 && term != NULL) {
		event_add(term, NULL);
		event_base_dispatch(agent->base);
	}
	agent_show_fini(agent);
	lm_rpc_server_free(agent->server);
	if (term != NULL)
		event_free(term);
	event_base_free(agent->base);
	return rc;
}

int main(int argc, char **argv)
{
	struct agent agent = {.conf = LM_SLIVER_CONF,
		.init_sock = LM_SLIVER_INIT_SOCK,
		.fp_sock = LM_SLIVER_FP_SOCK,
		.vtysh = "/usr/bin/vtysh",
		.show_ms = AGENT_SHOW_MS};
	struct lm_err err = {0};
	int rc;

	(void)argv;
	if (argc > 1) {
		fprintf(stderr, "usage: lamina-agent\n");
		return 2;
	}
	lm_log_init("lamina-agent");
	signal(SIGPIPE, SIG_IGN);
	rc = agent_load_identity(&agent, &err);
	if (rc == 0)
		rc = serve(&agent, &err);
	if (rc < 0)
		lm_error("%s", err.msg);
	json_decref(agent.identity);
	return rc < 0;
}
