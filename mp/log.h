/* SPDX-License-Identifier: BSD-3-Clause */
/* The one log of every Lamina process: lines on standard error, as journald and runc collect them.
 */
#ifndef LM_MP_LOG_H
#define LM_MP_LOG_H

enum lm_log_level { LM_LOG_ERROR, LM_LOG_WARNING, LM_LOG_INFO, LM_LOG_DEBUG };

/** Name this process in its log lines. LAMINA_LOG=error|warning|info|debug sets the level (info).
 */
void lm_log_init(const char *program);

/** Write one line "PROGRAM: LEVEL: text". Not for the datapath. Thread-safe. */
void lm_log(enum lm_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define lm_error(...)	lm_log(LM_LOG_ERROR, __VA_ARGS__)
#define lm_warning(...) lm_log(LM_LOG_WARNING, __VA_ARGS__)
#define lm_info(...)	lm_log(LM_LOG_INFO, __VA_ARGS__)
#define lm_debug(...)	lm_log(LM_LOG_DEBUG, __VA_ARGS__)

#endif
