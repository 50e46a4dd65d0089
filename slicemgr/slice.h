/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices as a whole: apply (all slivers or none) and destroy. */
#ifndef LM_SLICEMGR_SLICE_H
#define LM_SLICEMGR_SLICE_H

#include <jansson.h>

#include "slicemgr/state.h"

/**
 * Take the planned and admitted `slice` into the node and start its slivers, one each turn of the
 * event loop. When all are ready slice->later is answered with the manifest; when one fails all are
 * ended and it is answered with why.
 */
void slice_begin(struct slice *slice);

/** End all slivers; then slice->later is answered ({} or why the apply failed). */
void slice_end(struct slice *slice, bool quick);

/* What slivers tell (sliver.h). slice_note(): something went wrong that stops nothing. */
void slice_note(struct slice *slice, const struct lm_err *err);
void slice_sliver_ready(struct slice *slice);
void slice_sliver_failed(struct sliver *sliver, const struct lm_err *err);
void slice_sliver_gone(struct slice *slice);

/** The reply to an apply: {"slice", "manifest", "warnings"}. NULL with `err`. */
json_t *slice_manifest(const struct slice *slice, struct lm_err *err);

/** "applying", "ready", "ending". */
const char *slice_state_name(const struct slice *slice);

#endif
