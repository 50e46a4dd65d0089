/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest-prefix match to next-hop-group ids, one table a family. A multibit trie with 8-bit
 * strides and pushed-down leaves: readers need no lock (each change is single-word stores), an
 * empty table touches 12 KiB. The caller keeps the routes; the table only answers.
 */
#ifndef LM_FP_FIB_H
#define LM_FP_FIB_H

#include <stdint.h>

#include "fp/route.h"

/** What a lookup returns when no prefix covers the address. */
#define LM_FIB_NONE 0u
/** Group ids are 1..LM_FIB_VALUE_MAX. */
#define LM_FIB_VALUE_MAX 0x7fffffffu

#define LM_FIB_CHILD  0x80000000u
#define LM_FIB_FANOUT 256u

struct lm_grace;

struct lm_fib {
	const uint32_t *entries; /* node i owns [i * 256, i * 256 + 256); node 0 is the root */
	struct lm_fib_ctl *ctl;	 /* the writer's side */
};

/** An empty table for `family`. Trie nodes are freed through `grace`. NULL when out of memory. */
struct lm_fib *lm_fib_new(uint8_t family, struct lm_grace *grace);

/** No reader may be left. NULL is ignored. */
void lm_fib_free(struct lm_fib *fib);

/**
 * Map `prefix` to `value` (adds it or replaces what it had). 0, -ENOSPC when the table has no more
 * trie nodes, -ENOMEM. A failed call leaves lookups as they were.
 */
int lm_fib_set(struct lm_fib *fib, const struct lm_prefix *prefix, uint32_t value);

/**
 * Remove `prefix`. What it covered falls to the next shorter prefix, which the caller names:
 * its length and value, or 0 and LM_FIB_NONE when there is none.
 */
void lm_fib_remove(struct lm_fib *fib, const struct lm_prefix *prefix, uint8_t cover_len,
	uint32_t cover_value);

/** Trie nodes in use (1 KiB each for readers). */
uint32_t lm_fib_nodes(const struct lm_fib *fib);

/** The value of the longest prefix that covers `key` (4 or 16 octets, network order). */
static inline uint32_t lm_fib_lookup(const struct lm_fib *fib, const uint8_t *key)
{
	const uint32_t *entries = fib->entries;
	uint32_t e = __atomic_load_n(&entries[*key], __ATOMIC_ACQUIRE);

	while (e & LM_FIB_CHILD) {
		key++; /* never past the key: a trie is no deeper than its prefixes are long */
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		e = __atomic_load_n(
			&entries[(e & ~LM_FIB_CHILD) * LM_FIB_FANOUT + *key], __ATOMIC_ACQUIRE);
	}
	return e;
}

#endif
