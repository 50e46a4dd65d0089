/* SPDX-License-Identifier: BSD-3-Clause */
/* Where things are inside a sliver: the contract between slicemgr, lamina-init, the FP and the
 * agent. */
#ifndef LM_CP_SLIVER_H
#define LM_CP_SLIVER_H

#define LM_SLIVER_BIN_DIR    "/opt/lamina/bin"
#define LM_SLIVER_CONF	     "/run/lamina/conf/sliver.json"
#define LM_SLIVER_MEMIF_DIR  "/run/lamina/memif"
#define LM_SLIVER_MEMIF_SOCK "/run/lamina/memif/memif.sock"
#define LM_SLIVER_CTL_DIR    "/run/lamina/ctl"
#define LM_SLIVER_AGENT_SOCK "/run/lamina/ctl/agent.sock"
#define LM_SLIVER_INT_DIR    "/run/lamina/int"
#define LM_SLIVER_INIT_SOCK  "/run/lamina/int/init.sock"
#define LM_SLIVER_FP_SOCK    "/run/lamina/int/fp.sock"

/* The descriptor on which lamina-fp finds the socket that brings it TAPs. */
#define LM_SLIVER_TAP_FD 3

/* Where zebra's FPM client connects (its stock port). */
#define LM_SLIVER_FPM_ADDR "127.0.0.1"
#define LM_SLIVER_FPM_PORT 2620

#endif
