/* SPDX-License-Identifier: BSD-3-Clause */
/* What FRR's daemons send to zebra, as the relay takes it apart and keeps it. */
#include <stdlib.h>

#include "cp/zapi.h"
#include "cp/zapi_journal.h"
#include "mp/log.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* a line for each unknown command would be most of the work */
	setenv("LAMINA_LOG", "error", 1);
	lm_log_init("fuzz_zapi");
	return 0;
}

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
