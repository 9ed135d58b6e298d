/* SPDX-License-Identifier: Apache-2.0 */
/* How far a run is, on stderr: one rewritten line on a terminal, else a line an execution. */
#ifndef DUPACK_CMD_PROGRESS_H
#define DUPACK_CMD_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/terminal.h"

struct run_list;

struct progress {
	const struct run_list *list; /* NULL: says nothing */
	struct terminal_style style; /* width 0: stderr is not a terminal */
	bool *running; /* which items; owned */
	size_t finished; /* those that were kept are among them */
	size_t kept; /* done in an earlier run */
	size_t unexpected; /* verdicts that ask for attention */
	uint64_t begun_ns; /* when the first execution started; 0: none has */
};

void progress_init(struct progress *p, const struct run_list *list);
void progress_kept(struct progress *p);
void progress_started(struct progress *p, size_t item);
void progress_finished(struct progress *p, size_t item, const json_t *verdict);
void progress_end(struct progress *p);
void progress_release(struct progress *p);

#endif
