/* SPDX-License-Identifier: BSD-3-Clause */
/* What cppcheck, which reads no system headers, must know of sys/queue.h to follow our code. */
#ifndef LM_TESTS_LINT_CPPCHECK_H
#define LM_TESTS_LINT_CPPCHECK_H

#define LIST_HEAD(name, type)       \
	struct {                    \
		struct type *first; \
	}
#define STAILQ_HEAD(name, type) LIST_HEAD(name, type)
#define TAILQ_HEAD(name, type)	LIST_HEAD(name, type)
#define LIST_ENTRY(type)           \
	struct {                   \
		struct type *next; \
	}
#define STAILQ_ENTRY(type) LIST_ENTRY(type)
#define TAILQ_ENTRY(type)  LIST_ENTRY(type)
#define LIST_FOREACH(var, head, field) \
	for ((var) = (head)->first; (var) != 0; (var) = (var)->field.next)
#define STAILQ_FOREACH(var, head, field) LIST_FOREACH (var, head, field)
#define TAILQ_FOREACH(var, head, field)	 LIST_FOREACH (var, head, field)

#endif
