/* SPDX-License-Identifier: BSD-3-Clause */
/* The edges of the nodes that sort. 0 and 1 are drop and punt everywhere (fp/packet.h). */
#ifndef LM_FP_EDGES_H
#define LM_FP_EDGES_H

#include "fp/packet.h"

enum { LM_RX_TO_ETH_INPUT };
enum { LM_INJECT_TO_TX };
enum { LM_ETH_TO_IP4 = LM_EDGE_FIRST, LM_ETH_TO_IP6 };
enum { LM_INPUT_TO_LOOKUP = LM_EDGE_FIRST };
enum { LM_LOOKUP_TO_REWRITE = LM_EDGE_FIRST };
enum { LM_REWRITE_TO_TX = LM_EDGE_FIRST };
enum { LM_TX_TO_DROP };
enum { LM_PUNT_TO_DROP };

#endif
