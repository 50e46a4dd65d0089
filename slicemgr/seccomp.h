/* SPDX-License-Identifier: BSD-3-Clause */
/* Which system calls a sliver may make. */
#ifndef LM_SLICEMGR_SECCOMP_H
#define LM_SLICEMGR_SECCOMP_H

#include <stdbool.h>
#include <jansson.h>

/**
 * The `linux.seccomp` object of a sliver's OCI configuration: an allow-list; what is not on it
 * fails with EPERM (clone3 with ENOSYS, so that the C library uses clone, whose flags can be
 * checked). Without `hugepages`, mmap, shmget and memfd_create of huge pages fail. Returns a new
 * reference, NULL when out of memory.
 */
json_t *lm_seccomp_profile(bool hugepages);

#endif
