/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of all commands of `lamina`. */
#include "mp/cli.h"

#include <stddef.h>

const struct cli_command cli_commands[] = {
	{"node up", "-c FILE", "c", "Start the node that FILE describes",
		"Answers when the substrate forwards, all ports are open and the legacy router is "
		"ready.",
		0, 0, cli_node_up},
	{"node down", "", "", "End the node: its slivers, its substrate, everything it made", NULL,
		0, 0, cli_node_down},
	{"node status", "[--format table|json]", "F", "Tell whether the node runs, and with what",
		NULL, 0, 0, cli_node_status},
	{"apply", "-t FILE [--slice NAME]", "tS", "Make the slivers that a request asks for",
		"Prints the manifest when all are ready; when one cannot be, nothing is made.", 0,
		0, cli_apply},
	{"destroy", "SLICE", "", "End a slice's slivers on this node", NULL, 1, 1, cli_destroy},
	{"inspect", "[SLICE] [--format table|json]", "F",
		"Show slices, slivers, interfaces, processes, FIBs", NULL, 0, 1, cli_inspect},
	{"counters", "[SLICE] [--format table|json]", "F",
		"Show what ports, vifs and forwarding planes counted",
		"Counters of ports and vifs are the substrate's own; those marked as "
		"reported by a sliver are what its forwarding plane says.",
		0, 1, cli_counters},
	{"exec", "SLICE/SLIVER -- CMD...", "", "Run a command inside a sliver",
		"With a terminal when standard input is one. Exits with the command's exit code.",
		2, -1, cli_exec},
	{"vtysh", "SLICE/SLIVER [-c CMD]...", "vT", "Talk to a sliver's routing daemons",
		"Gives up after --timeout seconds (10) and names the daemon that does not answer. "
		"Without -c it is\ninteractive, once every daemon has answered.",
		1, 1, cli_vtysh},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
