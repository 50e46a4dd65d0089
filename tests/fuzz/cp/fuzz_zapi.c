/* SPDX-License-Identifier: BSD-3-Clause */
/* What FRR's daemons send to zebra, as the relay takes it apart and keeps it. */
#include "cp/zapi.h"
#include "cp/zapi_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zapi_journal j;
	ssize_t len;

	zapi_journal_init(&j);
	while ((len = zapi_message_len(data, size)) > 0) {
		/* zebra is away during every other message */
		zapi_journal_apply(&j, data, (size_t)len, (size & 1) != 0);
		data += len;
		size -= (size_t)len;
	}
	zapi_journal_drop_ends(&j);
	zapi_journal_clear(&j);
	return 0;
}
