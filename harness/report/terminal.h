/* SPDX-License-Identifier: Apache-2.0 */
/* What a run amounts to, for people: a table, a line of counts, and what went wrong. */
#ifndef DUPACK_REPORT_TERMINAL_H
#define DUPACK_REPORT_TERMINAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct terminal_style {
	size_t width; /* columns; 0: not a terminal, nothing is cut or broken */
	bool colour;
};

/** What the verdicts do not say of the run. */
struct terminal_run {
	const char *folder; /* where the results are */
	double wall_s; /* of the whole run; negative: the sum of its executions */
};

void terminal_report(FILE *out, const json_t *verdicts, const struct terminal_run *run,
		     const struct terminal_style *style);
void terminal_problem(FILE *out, const json_t *verdict, const struct terminal_style *style);
char *terminal_counts(const json_t *verdicts);

#endif
