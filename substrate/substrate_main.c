/* SPDX-License-Identifier: BSD-3-Clause */
/* lamina-substrate: moves frames between ports and slivers. Options, start and end. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>

#include <rte_launch.h>

#include "mp/cleanup.h"
#include "mp/log.h"
#include "mp/rpc.h"
#include "substrate/control.h"
#include "substrate/eal.h"
#include "substrate/table.h"
#include "substrate/worker.h"

#define MEMORY_MB_DEFAULT 96
#define FRAME_MAX_DEFAULT 2048

enum {
	OPT_NAME = 256,
	OPT_RPC,
	OPT_CORES,
	OPT_MODE,
	OPT_MEMORY,
	OPT_FRAME_MAX,
	OPT_LOAD,
	OPT_ETHERTYPE,
	OPT_PIDFILE,
	OPT_HUGE,
	OPT_PCI,
	OPT_HELP
};

static const struct option long_options[] = {
	{"name", required_argument, NULL, OPT_NAME},
	{"rpc", required_argument, NULL, OPT_RPC},
	{"cores", required_argument, NULL, OPT_CORES},
	{"mode", required_argument, NULL, OPT_MODE},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"frame-max", required_argument, NULL, OPT_FRAME_MAX},
	{"load", required_argument, NULL, OPT_LOAD},
	{"slice-ethertype", required_argument, NULL, OPT_ETHERTYPE},
	{"pidfile", required_argument, NULL, OPT_PIDFILE},
	{"huge", no_argument, NULL, OPT_HUGE},
	{"pci", no_argument, NULL, OPT_PCI},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static const char usage[] =
	"usage: lamina-substrate [options]\n"
	"  --name NAME             name of the node (node)\n"
	"  --rpc PATH              serve JSON-RPC on this Unix socket\n"
	"  --load FILE             run these requests first, one JSON-RPC line each\n"
	"  --cores LIST            one worker pinned to each core (one floating worker)\n"
	"  --mode sleep|poll       workers sleep when idle, or never (sleep)\n"
	"  --memory MB             memory for frames and devices (96)\n"
	"  --frame-max OCTETS      longest frame of any port, 1518-15360 (2048)\n"
	"  --slice-ethertype HEX   EtherType of slice headers (0x88B5)\n"
	"  --pidfile PATH          write the process id there\n"
	"  --huge                  take the memory from huge pages\n"
	"  --pci                   let DPDK use PCI devices\n";

static int parse_number(const char *what, const char *text, unsigned long min, unsigned long max,
	unsigned long *out, struct lm_err *err)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || *out < min || *out > max)
		return lm_err_set(err, EINVAL, "--%s %s: must be a number from %lu to %lu", what,
			text, min, max);
	return 0;
}

/* One option. Returns 1 for --help. */
static int parse_option(struct options *o, int opt, const char *arg, struct lm_err *err)
{
	unsigned long n = 0;
	int rc = 0;

	switch (opt) {
	case OPT_NAME:
		if (arg[0] == '\0' || strlen(arg) >= NAME_LEN || strchr(arg, '/') != NULL)
			return lm_err_set(err, EINVAL, "--name %s: not a node's name", arg);
		o->name = arg;
		break;
	case OPT_RPC:
		o->rpc_path = arg;
		break;
	case OPT_CORES:
		o->cores = arg;
		break;
	case OPT_MODE:
		o->poll = strcmp(arg, "poll") == 0;
		if (!o->poll && strcmp(arg, "sleep") != 0)
			return lm_err_set(err, EINVAL, "--mode %s: must be sleep or poll", arg);
		break;
	case OPT_MEMORY:
		rc = parse_number("memory", arg, 16, 65536, &n, err);
		o->memory_mb = (unsigned int)n;
		break;
	case OPT_FRAME_MAX:
		rc = parse_number("frame-max", arg, 1518, 15360, &n, err);
		o->frame_max = (unsigned int)n;
		break;
	case OPT_LOAD:
		o->load_file = arg;
		break;
	case OPT_ETHERTYPE:
		rc = parse_number("slice-ethertype", arg, LM_WIRE_ETHERTYPE_MIN, 0xFFFF, &n, err);
		o->slice_ethertype = (uint16_t)n;
		break;
	case OPT_PIDFILE:
		o->pidfile = arg;
		break;
	case OPT_HUGE:
		o->huge = true;
		break;
	case OPT_PCI:
		o->pci = true;
		break;
	case OPT_HELP:
		fputs(usage, stdout);
		return 1;
	default:
		return lm_err_set(err, EINVAL, "see lamina-substrate --help");
	}
	return rc;
}

static int parse_options(struct options *o, int argc, char **argv, struct lm_err *err)
{
	int opt, rc;

	*o = (struct options){.name = "node",
		.memory_mb = MEMORY_MB_DEFAULT,
		.frame_max = FRAME_MAX_DEFAULT,
		.slice_ethertype = LM_WIRE_ETHERTYPE_DEFAULT};
	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		rc = parse_option(o, opt, optarg, err);
		if (rc != 0)
			return rc;
	}
	if (optind < argc)
		return lm_err_set(err, EINVAL, "%s: not an option", argv[optind]);
	if (o->slice_ethertype == LM_WIRE_ETHERTYPE_VLAN ||
		o->slice_ethertype == LM_WIRE_ETHERTYPE_QINQ)
		return lm_err_set(
			err, EINVAL, "--slice-ethertype: 0x%04X is a VLAN tag", o->slice_ethertype);
	return 0;
}

static int write_pidfile(const char *path, struct lm_err *err)
{
	lm_cleanup_file FILE *f = fopen(path, "we");

	if (f == NULL || fprintf(f, "%d\n", (int)getpid()) < 0)
		return lm_err_errno(err, errno, "pid file %s", path);
	return 0;
}

static void on_signal(evutil_socket_t signum, short what, void *base)
{
	(void)signum;
	(void)what;
	event_base_loopbreak(base);
}

/* Serve requests until a signal ends it. */
static int serve(struct substrate *s, struct lm_err *err)
{
	const struct lm_rpc_listen where = {
		.path = s->opt.rpc_path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
	struct lm_rpc_server *rpc = NULL;
	struct event *term, *intr;
	sigset_t set;
	int rc = 0;

	term = evsignal_new(s->base, SIGTERM, on_signal, s->base);
	intr = evsignal_new(s->base, SIGINT, on_signal, s->base);
	if (term == NULL || intr == NULL || event_add(term, NULL) != 0 ||
		event_add(intr, NULL) != 0)
		rc = lm_err_set(err, ENOMEM, "cannot catch signals");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	if (rc == 0 && s->opt.load_file != NULL)
		rc = control_load(s, s->opt.load_file, err);
	if (rc == 0 && s->opt.rpc_path != NULL) {
		rpc = lm_rpc_server_new(s->base, &where, control_methods, s, err);
		rc = rpc == NULL ? -err->code : 0;
	}
	if (rc == 0 && s->opt.pidfile != NULL)
		rc = write_pidfile(s->opt.pidfile, err);
	if (rc == 0) {
		lm_info("ready, %u worker%s", s->n_workers, s->n_workers == 1 ? "" : "s");
		event_base_dispatch(s->base);
	}
	lm_rpc_server_free(rpc);
	if (term != NULL)
		event_free(term);
	if (intr != NULL)
		event_free(intr);
	return rc;
}

static int run_workers(struct substrate *s, struct lm_err *err)
{
	int rc = table_publish(s, err);

	for (unsigned int i = 0; rc == 0 && i < s->n_workers; i++) {
		rc = rte_eal_remote_launch(worker_main, &s->workers[i], s->workers[i].lcore);
		if (rc != 0)
			rc = lm_err_errno(err, -rc, "cannot start worker %u", i + 1);
	}
	if (rc == 0)
		rc = serve(s, err);
	atomic_store(&s->stop, true);
	for (unsigned int i = 0; i < s->n_workers; i++)
		worker_wake(&s->workers[i]);
	rte_eal_mp_wait_lcore();
	control_end(s);
	return rc;
}

static int run(struct substrate *s, struct lm_err *err)
{
	unsigned int made = 0;
	int rc = 0;

	s->base = event_base_new();
	if (s->base == NULL)
		return lm_err_set(err, ENOMEM, "out of memory");
	for (; rc == 0 && made < s->n_workers; made++) {
		s->workers[made].idx = made;
		rc = worker_init(s, &s->workers[made], err);
	}
	if (rc == 0)
		rc = run_workers(s, err);
	while (made > 0)
		worker_fini(&s->workers[--made]);
	event_base_free(s->base);
	return rc;
}

int main(int argc, char **argv)
{
	static struct substrate s;
	struct lm_err err = {0};
	sigset_t set;
	int rc;

	lm_log_init("lamina-substrate");
	rc = parse_options(&s.opt, argc, argv, &err);
	if (rc > 0)
		return EXIT_SUCCESS;
	if (rc == 0) {
		TAILQ_INIT(&s.ports);
		TAILQ_INIT(&s.vifs);
		TAILQ_INIT(&s.xcs);
		/* EAL's threads inherit this: the control thread alone takes these signals */
		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		sigaddset(&set, SIGINT);
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		signal(SIGPIPE, SIG_IGN);
		rc = eal_start(&s, &err);
		if (rc == 0)
			rc = run(&s, &err);
		eal_stop(&s);
	}
	if (rc < 0) {
		lm_error("%s", err.msg);
		return EXIT_FAILURE;
	}
	if (s.opt.pidfile != NULL)
		unlink(s.opt.pidfile);
	return EXIT_SUCCESS;
}
