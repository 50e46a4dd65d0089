/* SPDX-License-Identifier: BSD-3-Clause */
/* lamina-fp: the forwarding plane of one sliver. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <event2/event.h>

#include "cp/sliver.h"
#include "fp/app.h"
#include "mp/log.h"
#include "mp/version.h"

static const char usage[] =
	"usage: lamina-fp [OPTION]...\n"
	"The forwarding plane of one sliver; lamina-init starts it without options.\n"
	"  -c, --config FILE   sliver.json (" LM_SLIVER_CONF ")\n"
	"  -m, --memif SOCK    the substrate's listener (" LM_SLIVER_MEMIF_SOCK ")\n"
	"  -s, --socket SOCK   where to answer requests (" LM_SLIVER_FP_SOCK ")\n"
	"  -f, --fpm-port N    where zebra's FPM client connects (2620)\n"
	"  -t, --tap           open the TAPs here instead of being handed them on descriptor 3\n"
	"  -p, --poll          never sleep, whatever fp.mode says\n"
	"  -w, --sleep         sleep when idle, whatever fp.mode says\n"
	"  -h, --help          this text\n"
	"  -V, --version       the version\n";

/* >= 0: leave with this exit code. */
static int read_options(struct lm_app_options *opt, int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"memif", required_argument, NULL, 'm'}, {"socket", required_argument, NULL, 's'},
		{"fpm-port", required_argument, NULL, 'f'}, {"tap", no_argument, NULL, 't'},
		{"poll", no_argument, NULL, 'p'}, {"sleep", no_argument, NULL, 'w'},
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	unsigned long port;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "c:m:s:f:tpwhV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			opt->conf_path = optarg;
			break;
		case 'm':
			opt->memif_path = optarg;
			break;
		case 's':
			opt->rpc_path = optarg;
			break;
		case 'f':
			port = strtoul(optarg, &end, 10);
			if (*end != '\0' || port > UINT16_MAX) {
				fprintf(stderr, "lamina-fp: --fpm-port: not a port number\n");
				return 2;
			}
			opt->fpm_port = (uint16_t)port;
			break;
		case 't':
			opt->own_taps = true;
			break;
		case 'p':
			opt->poll = 1;
			break;
		case 'w':
			opt->poll = 0;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("lamina-fp " LM_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "lamina-fp: '%s': no arguments but options are taken\n", argv[optind]);
	return 2;
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(arg);
}

int main(int argc, char **argv)
{
	static struct lm_app app = {.opt = {.conf_path = LM_SLIVER_CONF,
					    .memif_path = LM_SLIVER_MEMIF_SOCK,
					    .rpc_path = LM_SLIVER_FP_SOCK,
					    .fpm_port = LM_SLIVER_FPM_PORT,
					    .poll = -1}};
	struct event *term, *intr;
	struct lm_err err = {0};
	int rc = read_options(&app.opt, argc, argv);

	if (rc >= 0)
		return rc;
	lm_log_init("lamina-fp");
	signal(SIGPIPE, SIG_IGN);
	app.base = event_base_new();
	if (app.base == NULL) {
		lm_error("out of memory");
		return 1;
	}
	term = evsignal_new(app.base, SIGTERM, on_signal, app.base);
	intr = evsignal_new(app.base, SIGINT, on_signal, app.base);
	rc = lm_app_start(&app, &err);
	if (rc == 0 && term != NULL && intr != NULL) {
		event_add(term, NULL);
		event_add(intr, NULL);
		event_base_dispatch(app.base);
		err = app.failure;
	}
	if (err.code != 0)
		lm_error("%s", err.msg);
	lm_app_end(&app);
	if (term != NULL)
		event_free(term);
	if (intr != NULL)
		event_free(intr);
	event_base_free(app.base);
	return err.code != 0;
}
