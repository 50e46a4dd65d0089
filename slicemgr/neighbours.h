/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's table of ARP and ND neighbours is one for all network namespaces. */
#ifndef LM_SLICEMGR_NEIGHBOURS_H
#define LM_SLICEMGR_NEIGHBOURS_H

/**
 * Raise gc_thresh1-3 of IPv4 and IPv6 so that `slivers` slivers find room; never lowers them.
 * Works in the initial network namespace alone, so it is called before leaving it; elsewhere, or
 * without the right, it only logs.
 */
void neighbours_make_room(unsigned int slivers);

#endif
