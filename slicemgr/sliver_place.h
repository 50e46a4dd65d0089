/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a sliver's things are: derived from node, slice and sliver name alone. */
#ifndef LM_SLICEMGR_SLIVER_PLACE_H
#define LM_SLICEMGR_SLIVER_PLACE_H

#include "slicemgr/container.h"
#include "slicemgr/state.h"

#define CONTAINER_ID_MAX 128

struct sliver_place {
	char id[CONTAINER_ID_MAX]; /* "lamina-NODE_SLICE_SLIVER"; only SLIVER may hold '_' */
	char runc_root[PATH_MAX];
	char bundle_dir[PATH_MAX], conf_dir[PATH_MAX], memif_dir[PATH_MAX], ctl_dir[PATH_MAX];
	char log_dir[PATH_MAX];
	char cgroup_parent[NAME_MAX], cgroup_name[NAME_MAX];
};

/** Fill `place` for sliver `path` ("SLICE/SLIVER") of `node`. -ENAMETOOLONG with `err`. */
int sliver_place(
	const struct node *node, const char *path, struct sliver_place *place, struct lm_err *err);

/** The same as the container calls want it; strings belong to `place`. */
struct lm_container_place sliver_container_place(const struct sliver_place *place);

/** Make the sliver's directories. 0 or a negative errno. */
int sliver_dirs_make(const struct node *node, const char *path, const struct sliver_place *place,
	struct lm_err *err);

/**
 * Remove what sliver `path` holds on this machine: container, cgroup, mounts, uid range (0: none),
 * directories. For ending and for clearing up after a crash. The first error is returned, the rest
 * is still done.
 */
int sliver_remove(const struct node *node, const char *path, uint32_t uid_base, struct lm_err *err);

#endif
