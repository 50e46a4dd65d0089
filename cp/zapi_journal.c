/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/zapi_journal.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cp/zapi.h"
#include "mp/log.h"

static const uint8_t *key_of(const struct zapi_record *r)
{
	return r->message + r->len;
}

static int compare(const void *a, const void *b)
{
	const struct zapi_record *x = a, *y = b;
	int d = (int)x->key_len - (int)y->key_len;

	return d != 0 ? d : memcmp(key_of(x), key_of(y), x->key_len);
}

void zapi_journal_init(struct zapi_journal *j)
{
	memset(j, 0, sizeof(*j));
	TAILQ_INIT(&j->records);
}

static struct zapi_record *record_new(
	const uint8_t *msg, size_t len, const uint8_t *key, size_t key_len)
{
	struct zapi_record *r = malloc(sizeof(*r) + len + key_len);

	if (r == NULL)
		return NULL;
	r->len = (uint16_t)len;
	r->key_len = (uint8_t)key_len;
	memcpy(r->message, msg, len);
	memcpy(r->message + len, key, key_len);
	return r;
}

static void record_drop(struct zapi_journal *j, struct zapi_record *r)
{
	tdelete(r, &j->index, compare);
	TAILQ_REMOVE(&j->records, r, next);
	j->n--;
	free(r);
}

void zapi_journal_apply(struct zapi_journal *j, const uint8_t *msg, size_t len, bool away)
{
	uint8_t key[ZAPI_KEY_MAX];
	size_t key_len;
	enum zapi_role role = zapi_classify(msg, len, key, &key_len);
	struct zapi_record *r;
	struct zapi_record *const *found;

	if (role == ZAPI_OTHER && !j->incomplete) {
		lm_info("zebra relay: ZAPI command %u: this connection cannot outlive zebra",
			zapi_command(msg));
		j->incomplete = true;
	}
	if (role != ZAPI_KEEP && role != ZAPI_FORGET)
		return;
	r = record_new(msg, len, key, key_len);
	if (r == NULL) {
		j->incomplete = true;
		return;
	}
	found = tfind(r, &j->index, compare);
	if (found != NULL)
		record_drop(j, *found);
	r->end = role == ZAPI_FORGET && away && zapi_command(msg) == ZAPI_ROUTE_DELETE;
	if ((role == ZAPI_FORGET && !r->end) || tsearch(r, &j->index, compare) == NULL) {
		j->incomplete = j->incomplete || role != ZAPI_FORGET;
		free(r);
		return;
	}
	TAILQ_INSERT_TAIL(&j->records, r, next);
	j->n++;
}

void zapi_journal_drop_ends(struct zapi_journal *j)
{
	struct zapi_record *r, *next;

	for (r = TAILQ_FIRST(&j->records); r != NULL; r = next) {
		next = TAILQ_NEXT(r, next);
		if (r->end)
			record_drop(j, r);
	}
}

void zapi_journal_clear(struct zapi_journal *j)
{
	struct zapi_record *r;

	while ((r = TAILQ_FIRST(&j->records)) != NULL)
		record_drop(j, r);
	j->incomplete = false;
}
