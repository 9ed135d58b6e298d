/* SPDX-License-Identifier: Apache-2.0 */
/* From measured values to a verdict: pure. */
#ifndef DUPACK_GRADE_VERDICT_H
#define DUPACK_GRADE_VERDICT_H

#include <jansson.h>
#include <stdbool.h>

struct deviation;
struct evidence;
struct expectation;
struct grade_input;

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_WARN,
	VERDICT_SKIP,
	VERDICT_UNSUPPORTED,
	VERDICT_INCONCLUSIVE,
	VERDICT_ERROR,
	VERDICT_XFAIL,
	VERDICT_XPASS,
	VERDICT_COUNT
};
extern const char *const verdict_names[VERDICT_COUNT];

json_t *verdict_expectation(const struct evidence *e, const struct expectation *x);

/** What decides. */
struct verdict_facts {
	json_t *expectations, *findings;
	json_t *witness; /* of grade_witness() */
	json_t *error; /* {kind, text} of the execution, or NULL */
	char level; /* of the case */
};

struct verdict_result {
	enum verdict verdict;
	char reason[512];
	const struct deviation *deviation; /* that made it xfail or xpass; borrowed */
};

void verdict_decide(const struct verdict_facts *facts, const struct grade_input *in,
		    const char *middlebox, struct verdict_result *ret);

#endif
