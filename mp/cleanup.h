/* SPDX-License-Identifier: BSD-3-Clause */
/* Scope-bound release: `lm_cleanup_free char *s = ...` frees on every way out of the block. */
#ifndef LM_MP_CLEANUP_H
#define LM_MP_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <jansson.h>

static inline void lm_free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void lm_close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void lm_fclose_ptr(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
}

static inline void lm_json_decref_ptr(json_t **j)
{
	json_decref(*j);
}

#define lm_cleanup_free	 __attribute__((cleanup(lm_free_ptr)))
#define lm_cleanup_close __attribute__((cleanup(lm_close_fd)))
#define lm_cleanup_file	 __attribute__((cleanup(lm_fclose_ptr)))
#define lm_cleanup_json	 __attribute__((cleanup(lm_json_decref_ptr)))

#endif
