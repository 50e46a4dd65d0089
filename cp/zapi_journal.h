/* SPDX-License-Identifier: BSD-3-Clause */
/* The state that one client has in zebra, as the messages that would make it again. */
#ifndef LM_CP_ZAPI_JOURNAL_H
#define LM_CP_ZAPI_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct zapi_record {
	TAILQ_ENTRY(zapi_record) next;
	uint16_t len;	   /* of the message */
	uint8_t key_len;   /* of the key, which follows the message */
	bool end;	   /* ends a route that a new zebra finds in the kernel: give it once */
	uint8_t message[]; /* message, key */
};

TAILQ_HEAD(zapi_records, zapi_record);

struct zapi_journal {
	struct zapi_records records; /* in the order in which they are to be given again */
	void *index;		     /* tsearch() tree of the records by key */
	size_t n;
	bool incomplete; /* the client has state of other kinds: it cannot be given again */
};

/** Make an empty journal. */
void zapi_journal_init(struct zapi_journal *j);

/**
 * Take the whole client message `msg` into account. `away`: no zebra hears it; then the end of a
 * route is kept too, for the next zebra reads the route from the kernel.
 */
void zapi_journal_apply(struct zapi_journal *j, const uint8_t *msg, size_t len, bool away);

/** Drop the ends of routes: they have been given to zebra. */
void zapi_journal_drop_ends(struct zapi_journal *j);

/** Forget everything. */
void zapi_journal_clear(struct zapi_journal *j);

#endif
