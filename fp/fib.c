/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/fib.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "fp/grace.h"

#define STRIDE 8u
/* Address space for this many nodes is reserved; memory is taken as nodes are used. */
#define NODES_MAX (1u << 19)

/* Beside each reader entry the writer keeps the length of the prefix it came from. */
struct lm_fib_ctl {
	uint32_t *entries;
	uint8_t *lens;	  /* as entries; of a child entry: unused */
	uint16_t *deeper; /* per node: entries that are a child or from a prefix ending in it */
	uint32_t *free_nodes;
	uint32_t n_free, cap_free;
	uint32_t n_touched, n_used;
	struct lm_grace *grace;
};

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void release(void *p, size_t size)
{
	if (p != NULL)
		munmap(p, size);
}

#define ENTRIES_SIZE ((size_t)NODES_MAX * LM_FIB_FANOUT * sizeof(uint32_t))
#define LENS_SIZE    ((size_t)NODES_MAX * LM_FIB_FANOUT)
#define DEEPER_SIZE  ((size_t)NODES_MAX * sizeof(uint16_t))

struct lm_fib *lm_fib_new(uint8_t family, struct lm_grace *grace)
{
	struct lm_fib *fib = calloc(1, sizeof(*fib));
	struct lm_fib_ctl *c = calloc(1, sizeof(*c));

	(void)family; /* the depth of the trie follows from the prefixes put in */
	if (fib == NULL || c == NULL) {
		free(fib);
		free(c);
		return NULL;
	}
	fib->ctl = c;
	c->grace = grace;
	c->entries = reserve(ENTRIES_SIZE);
	c->lens = reserve(LENS_SIZE);
	c->deeper = reserve(DEEPER_SIZE);
	c->n_touched = c->n_used = 1;
	fib->entries = c->entries;
	if (c->entries == NULL || c->lens == NULL || c->deeper == NULL) {
		lm_fib_free(fib);
		return NULL;
	}
	return fib;
}

void lm_fib_free(struct lm_fib *fib)
{
	struct lm_fib_ctl *c;

	if (fib == NULL)
		return;
	c = fib->ctl;
	lm_grace_wait(c->grace); /* deferred nodes point here */
	release(c->entries, ENTRIES_SIZE);
	release(c->lens, LENS_SIZE);
	release(c->deeper, DEEPER_SIZE);
	free(c->free_nodes);
	free(c);
	free(fib);
}

uint32_t lm_fib_nodes(const struct lm_fib *fib)
{
	return fib->ctl->n_used;
}

/* Room on the free stack for every node that exists, so that freeing one cannot fail. */
static int ensure_free_stack(struct lm_fib_ctl *c)
{
	uint32_t cap = c->cap_free == 0 ? 64 : c->cap_free * 2;
	uint32_t *p;

	if (c->n_touched < c->cap_free)
		return 0;
	p = realloc(c->free_nodes, cap * sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	c->free_nodes = p;
	c->cap_free = cap;
	return 0;
}

/* A new node whose entries all answer as the leaf it will take the place of. */
static int node_new(struct lm_fib_ctl *c, uint32_t leaf, uint8_t len, uint32_t *node)
{
	uint32_t i;
	int rc = ensure_free_stack(c);

	if (rc < 0)
		return rc;
	if (c->n_free == 0)
		lm_grace_reclaim(c->grace);
	if (c->n_free > 0)
		*node = c->free_nodes[--c->n_free];
	else if (c->n_touched < NODES_MAX)
		*node = c->n_touched++;
	else
		return -ENOSPC;
	c->n_used++;
	c->deeper[*node] = 0;
	for (i = 0; i < LM_FIB_FANOUT; i++) {
		c->entries[*node * LM_FIB_FANOUT + i] = leaf;
		c->lens[*node * LM_FIB_FANOUT + i] = len;
	}
	return 0;
}

static void node_recycle(void *ctx, void *item)
{
	struct lm_fib_ctl *c = ctx;

	c->free_nodes[c->n_free++] = (uint32_t)(uintptr_t)item;
}

static void publish(struct lm_fib_ctl *c, uint32_t slot, uint32_t value)
{
	__atomic_store_n(&c->entries[slot], value, __ATOMIC_RELEASE);
}

/* Change one leaf and keep the node's count of entries that need the node right. */
static void set_leaf(struct lm_fib_ctl *c, uint32_t node, uint32_t level, uint32_t slot,
	uint8_t len, uint32_t value)
{
	uint32_t base = level * STRIDE;

	c->deeper[node] = (uint16_t)(c->deeper[node] - (c->lens[slot] > base) + (len > base));
	c->lens[slot] = len;
	publish(c, slot, value);
}

/* Which entries a change is for: those from prefixes no longer than `to_len` when a prefix is set,
 * those from exactly this length when it is removed. */
struct change {
	uint8_t from_len; /* entries with from_len <= length <= to_len change */
	uint8_t to_len;
	uint8_t new_len;
	uint32_t value;
};

static void change_slots(struct lm_fib_ctl *c, uint32_t node, uint32_t level, uint32_t first,
	uint32_t count, const struct change *ch)
{
	uint32_t slot = node * LM_FIB_FANOUT + first;
	uint32_t end = slot + count;

	for (; slot < end; slot++) {
		uint32_t e = c->entries[slot];

		if (e & LM_FIB_CHILD) /* at most 15 levels down */
			change_slots(c, e & ~LM_FIB_CHILD, level + 1, 0, LM_FIB_FANOUT, ch);
		else if (c->lens[slot] >= ch->from_len && c->lens[slot] <= ch->to_len)
			set_leaf(c, node, level, slot, ch->new_len, ch->value);
	}
}

/* The entries of the last node that `prefix` spans. */
static void span_of(const struct lm_prefix *p, uint32_t level, uint32_t *first, uint32_t *count)
{
	uint32_t bits = p->len - level * STRIDE;

	*count = 1u << (STRIDE - bits);
	*first = level < 16 ? p->addr[level] & ~(*count - 1) : 0;
}

/* Undo: fold nodes of the path that no prefix needs any more back into their parents. */
static void fold_path(
	struct lm_fib_ctl *c, const uint32_t *path, uint32_t level, const uint8_t *addr)
{
	for (; level > 0 && c->deeper[path[level]] == 0; level--) {
		uint32_t node = path[level], parent = path[level - 1];
		uint32_t slot = parent * LM_FIB_FANOUT + addr[level - 1];
		uint8_t len = c->lens[node * LM_FIB_FANOUT];

		c->lens[slot] = len;
		c->deeper[parent] =
			(uint16_t)(c->deeper[parent] - 1 + (len > (level - 1) * STRIDE));
		publish(c, slot, c->entries[node * LM_FIB_FANOUT]);
		c->n_used--;
		lm_grace_defer(c->grace, node_recycle, c, (void *)(uintptr_t)node);
	}
}

int lm_fib_set(struct lm_fib *fib, const struct lm_prefix *p, uint32_t value)
{
	struct change ch = {.from_len = 0, .to_len = p->len, .new_len = p->len, .value = value};
	struct lm_fib_ctl *c = fib->ctl;
	uint32_t path[16] = {0};
	uint32_t level = 0, first, count;

	while (p->len > (level + 1) * STRIDE) {
		uint32_t node = path[level];
		uint32_t slot = node * LM_FIB_FANOUT + p->addr[level];
		uint32_t child;
		int rc;

		if (!(c->entries[slot] & LM_FIB_CHILD)) {
			rc = node_new(c, c->entries[slot], c->lens[slot], &child);
			if (rc < 0) {
				fold_path(c, path, level, p->addr);
				return rc;
			}
			c->deeper[node] =
				(uint16_t)(c->deeper[node] + (c->lens[slot] <= level * STRIDE));
			publish(c, slot, child | LM_FIB_CHILD);
		}
		path[++level] = c->entries[slot] & ~LM_FIB_CHILD;
	}
	span_of(p, level, &first, &count);
	change_slots(c, path[level], level, first, count, &ch);
	return 0;
}

void lm_fib_remove(
	struct lm_fib *fib, const struct lm_prefix *p, uint8_t cover_len, uint32_t cover_value)
{
	struct change ch = {
		.from_len = p->len, .to_len = p->len, .new_len = cover_len, .value = cover_value};
	struct lm_fib_ctl *c = fib->ctl;
	uint32_t path[16] = {0};
	uint32_t level = 0, first, count;

	while (p->len > (level + 1) * STRIDE) {
		uint32_t e = c->entries[path[level] * LM_FIB_FANOUT + p->addr[level]];

		if (!(e & LM_FIB_CHILD))
			return; /* was never set */
		path[++level] = e & ~LM_FIB_CHILD;
	}
	span_of(p, level, &first, &count);
	change_slots(c, path[level], level, first, count, &ch);
	fold_path(c, path, level, p->addr);
}
