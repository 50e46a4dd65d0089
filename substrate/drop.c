/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of drop reasons. */
#include "substrate/drop.h"

static const char *const names[DROP_REASONS] = {
#define X(upper, lower) [DROP_##upper] = #lower,
	DROP_LIST(X)
#undef X
};

const char *drop_name(enum drop_reason r)
{
	return (unsigned int)r < DROP_REASONS ? names[r] : "?";
}
