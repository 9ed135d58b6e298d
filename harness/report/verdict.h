/* SPDX-License-Identifier: Apache-2.0 */
/* What every report reads out of verdicts: their kinds, counts, and how to repeat one. */
#ifndef DUPACK_REPORT_VERDICT_H
#define DUPACK_REPORT_VERDICT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

/* Exit statuses of the program; 2 is for usage (cmd/cmd.h) */
#define EXIT_FAILED	 1 /* a requirement failed */
#define EXIT_HARNESS	 99 /* the harness failed, or the machine */
#define EXIT_INTERRUPTED 130

enum report_kind {
	REPORT_PASS,
	REPORT_XFAIL,
	REPORT_WARN,
	REPORT_UNSUPPORTED,
	REPORT_SKIP,
	REPORT_FAIL,
	REPORT_XPASS,
	REPORT_INCONCLUSIVE,
	REPORT_ERROR,
	REPORT_KINDS
};

/** How a kind is shown, and what it means for the whole. */
struct report_kind_info {
	const char *name; /* as in verdict.json */
	const char *plural; /* in a summary: "3 fail" is "3 failed" */
	const char *colour; /* SGR parameters of a terminal */
	bool unexpected; /* asks for somebody's attention: explained below the table */
	int exit_status;
};

extern const struct report_kind_info report_kinds[REPORT_KINDS];

struct report_counts {
	size_t of[REPORT_KINDS], total;
	double virtual_s, wall_s; /* sums over the executions */
};

enum report_kind report_kind_named(const char *name);
enum report_kind report_kind(const json_t *verdict);
const char *report_text(const json_t *verdict, const char *key);
double report_number(const json_t *verdict, const char *key);
char *report_name(const json_t *verdict);
char *report_why(const json_t *verdict);
char *report_outcome(const json_t *verdict);
char *report_repeat(const json_t *verdict);
char *report_finding(const json_t *finding);
void report_count(const json_t *verdicts, struct report_counts *ret);
bool report_one_seed(const json_t *verdicts);
int report_exit_status(const json_t *verdicts);

json_t *report_load(const char *folder, struct err *err);
char *report_unfinished(const char *folder);

#endif
