/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.json: what a run is, and what has come of it.  It is written before the first
 * execution and once more after the last, so that a run that was killed can be gone on
 * with: an execution is done when its verdict.json is there.
 */
#ifndef DUPACK_JOURNAL_H
#define DUPACK_JOURNAL_H

#include <jansson.h>

struct err;
struct home;
struct run_list;

json_t *journal_identity(const struct home *home, const struct run_list *list, const char *runtime,
			 struct err *err);
int journal_match(const char *out, const json_t *identity, struct err *err);
json_t *journal_verdict(const char *folder);

#endif
