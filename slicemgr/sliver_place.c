/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/sliver_place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slicemgr/uid_range.h"

static int sliver_dir(const struct node *node, const char *path, char *dir, size_t size)
{
	return snprintf(dir, size, "%s/s/%s", node->conf.rundir, path) < (int)size ? 0
										   : -ENAMETOOLONG;
}

int sliver_place(
	const struct node *node, const char *path, struct sliver_place *place, struct lm_err *err)
{
	const char *rundir = node->conf.rundir, *name = node->conf.name;
	char *c;
	int most = 0;

	most |= snprintf(place->id, sizeof(place->id), "lamina-%s_%s", name, path) >=
		(int)sizeof(place->id);
	most |= snprintf(place->runc_root, PATH_MAX, "%s/runc", rundir) >= PATH_MAX;
	most |= snprintf(place->bundle_dir, PATH_MAX, "%s/s/%s/bundle", rundir, path) >= PATH_MAX;
	most |= snprintf(place->conf_dir, PATH_MAX, "%s/s/%s/conf", rundir, path) >= PATH_MAX;
	most |= snprintf(place->memif_dir, PATH_MAX, "%s/s/%s/memif", rundir, path) >= PATH_MAX;
	most |= snprintf(place->ctl_dir, PATH_MAX, "%s/s/%s/ctl", rundir, path) >= PATH_MAX;
	most |= snprintf(place->log_dir, PATH_MAX, "%s/s/%s/log", rundir, path) >= PATH_MAX;
	most |= snprintf(place->cgroup_parent, NAME_MAX, "/lamina/%s", name) >= NAME_MAX;
	most |= snprintf(place->cgroup_name, NAME_MAX, "%s", path) >= NAME_MAX;
	if (most)
		return lm_err_set(err, ENAMETOOLONG, "%s: its names are too long", path);
	for (c = place->id; *c != '\0'; c++)
		if (*c == '/')
			*c = '_';
	c = strchr(place->cgroup_name, '/');
	if (c != NULL)
		*c = '.';
	return 0;
}

struct lm_container_place sliver_container_place(const struct sliver_place *place)
{
	return (struct lm_container_place){.id = place->id,
		.runc_root = place->runc_root,
		.bundle_dir = place->bundle_dir,
		.ctl_dir = place->ctl_dir,
		.log_dir = place->log_dir,
		.cgroup_parent = place->cgroup_parent,
		.cgroup_name = place->cgroup_name};
}

static int make_dir(const char *path, struct lm_err *err)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return lm_err_errno(err, errno, "%s", path);
	return 0;
}

int sliver_dirs_make(const struct node *node, const char *path, const struct sliver_place *place,
	struct lm_err *err)
{
	char dir[PATH_MAX];
	int rc;

	/* RUNDIR/s, RUNDIR/s/SLICE, RUNDIR/s/SLICE/SLIVER */
	if (sliver_dir(node, path, dir, sizeof(dir)) < 0)
		return lm_err_set(err, ENAMETOOLONG, "%s: its directory's path is too long", path);
	for (char *c = dir + strlen(node->conf.rundir) + 1; (c = strchr(c, '/')) != NULL; c++) {
		*c = '\0';
		rc = make_dir(dir, err);
		*c = '/';
		if (rc < 0)
			return rc;
	}
	rc = make_dir(dir, err);
	if (rc == 0)
		rc = make_dir(place->conf_dir, err);
	if (rc == 0)
		rc = make_dir(place->memif_dir, err);
	return rc;
}

static void remove_dirs(const struct node *node, const char *path, const struct sliver_place *place)
{
	char name[PATH_MAX + 32], dir[PATH_MAX];

	snprintf(name, sizeof(name), "%s/sliver.json", place->conf_dir);
	unlink(name);
	rmdir(place->conf_dir);
	snprintf(name, sizeof(name), "%s/memif.sock", place->memif_dir);
	unlink(name);
	rmdir(place->memif_dir);
	if (sliver_dir(node, path, dir, sizeof(dir)) < 0)
		return;
	rmdir(dir);
	/* the slice's when this was its last sliver, and what holds all slices */
	for (int i = 0; i < 2; i++) {
		*strrchr(dir, '/') = '\0';
		rmdir(dir);
	}
	rmdir(place->runc_root);
}

int sliver_remove(const struct node *node, const char *path, uint32_t uid_base, struct lm_err *err)
{
	struct lm_container_place where;
	struct sliver_place place;
	char dir[PATH_MAX];
	int rc = sliver_place(node, path, &place, err);

	if (rc < 0)
		return rc;
	where = sliver_container_place(&place);
	rc = lm_container_delete(&where, 0, err);
	/* ids that something may still run with are given to nobody else */
	if (rc == 0 && uid_base != 0 && sliver_dir(node, path, dir, sizeof(dir)) == 0)
		rc = lm_uid_range_release(LM_UID_RANGE_DIR, dir, uid_base, err);
	remove_dirs(node, path, &place);
	return rc;
}
