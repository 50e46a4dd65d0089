/* SPDX-License-Identifier: BSD-3-Clause */
#include "substrate/memif_region.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char *map(int fd, uint64_t size, struct memif_region *out)
{
	/* Populated now: later the first touch of a page would be a fault in the datapath. */
	void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (addr == MAP_FAILED)
		return "region cannot be mapped for reading and writing";
	madvise(addr, size, MADV_DONTDUMP); /* experiments' frames do not belong in core files */
	out->addr = addr;
	out->size = size;
	return NULL;
}

/*
 * From here on nobody punches holes: a fault waits until a hole that is being made is finished,
 * and large ones, made again and again, would hold up the datapath. Who has the region mapped
 * goes on writing; it cannot be mapped for writing once more.
 */
static bool forbid_holes(int fd)
{
	/* EINVAL: kernels before 5.1 do not know this seal */
	return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0 || errno == EINVAL;
}

const char *memif_region_map(int fd, uint64_t size, struct memif_region *out)
{
	struct statfs fs;
	struct stat st;

	/* Seals first: only tmpfs and hugetlbfs have them, and asking never calls a file system. */
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return "region is not a memfd";
	if (fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return "region is not on tmpfs (huge pages are refused)";
	if ((seals & F_SEAL_SHRINK) == 0)
		return "region lacks F_SEAL_SHRINK";
	if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size < size)
		return "region is shorter than announced";
	const char *why = map(fd, size, out);
	if (why == NULL && !forbid_holes(fd)) {
		memif_region_unmap(out);
		why = "region cannot be sealed (F_SEAL_SEAL is set)";
	}
	return why;
}

int memif_region_make(uint64_t size, struct memif_region *out, struct lm_err *err)
{
	int fd = memfd_create("lamina-memif", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return lm_err_errno(err, errno, "memif: cannot make shared memory");
	if (ftruncate(fd, (off_t)size) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		int code = errno;
		close(fd);
		return lm_err_errno(err, code, "memif: cannot size shared memory");
	}
	const char *why = map(fd, size, out);
	if (why != NULL) {
		close(fd);
		return lm_err_set(err, ENOMEM, "memif: cannot map %llu octets of shared memory",
			(unsigned long long)size);
	}
	return fd;
}

void memif_region_unmap(struct memif_region *r)
{
	if (r->addr != NULL)
		munmap(r->addr, r->size);
	r->addr = NULL;
	r->size = 0;
}

const char *memif_check_eventfd(int fd)
{
	static const char want[] = "anon_inode:[eventfd]";
	char path[32];
	char name[sizeof(want)];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, name, sizeof(name));
	if (n != (ssize_t)sizeof(want) - 1 || memcmp(name, want, sizeof(want) - 1) != 0)
		return "interrupt descriptor is not an eventfd";
	return NULL;
}
