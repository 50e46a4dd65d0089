/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/agent_call.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <event2/event.h>
#include <event2/thread.h>

#include "mp/rpc.h"

struct agent_call {
	char path[PATH_MAX];
	uint32_t uid;
	const char *method;
	json_t *params;
	int timeout_ms;
	struct event *answered; /* made active by the thread, its last act */
	/* the thread's, until then */
	json_t *result;
	struct lm_err err;
	/* the loop's; done NULL: cancelled */
	agent_call_fn done;
	void *ctx;
};

int agent_call_init(void)
{
	return evthread_use_pthreads();
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct agent_call *call = arg;

	(void)fd;
	(void)what;
	if (call->done != NULL)
		call->done(call->ctx, call->result, &call->err);
	json_decref(call->result);
	event_free(call->answered);
	free(call);
}

static void *ask(void *arg)
{
	struct agent_call *call = arg;

	call->result = lm_rpc_call(
		call->path, call->uid, call->method, call->params, call->timeout_ms, &call->err);
	call->params = NULL;
	event_active(call->answered, EV_TIMEOUT, 0);
	return NULL;
}

struct agent_call *agent_call_start(struct event_base *base, const char *dir, uint32_t uid,
	const char *method, json_t *params, int timeout_ms, agent_call_fn done, void *ctx)
{
	struct agent_call *call = calloc(1, sizeof(*call));
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	if (call == NULL) {
		json_decref(params);
		return NULL;
	}
	snprintf(call->path, sizeof(call->path), "%s/ctl/agent.sock", dir);
	call->uid = uid;
	call->method = method;
	call->params = params;
	call->timeout_ms = timeout_ms;
	call->done = done;
	call->ctx = ctx;
	call->answered = event_new(base, -1, 0, on_answer, call);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = call->answered != NULL ? pthread_create(&thread, &attr, ask, call) : -1;
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		json_decref(params);
		if (call->answered != NULL)
			event_free(call->answered);
		free(call);
		return NULL;
	}
	return call;
}

void agent_call_cancel(struct agent_call *call)
{
	if (call != NULL)
		call->done = NULL;
}
