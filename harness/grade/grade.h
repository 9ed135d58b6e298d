/* SPDX-License-Identifier: Apache-2.0 */
/* A run folder in, a verdict out (results/README.md has its members). */
#ifndef DUPACK_GRADE_GRADE_H
#define DUPACK_GRADE_GRADE_H

#include <jansson.h>
#include <stddef.h>

struct err;
struct pair;
struct spec_case;
struct target;

/** What the folder does not know; all of it is the caller's. */
struct grade_input {
	const struct spec_case *c;
	const struct pair *pair;
	const struct target *const *targets; /* whose deviations count; some may be NULL */
	size_t targets_len;
	const char *today; /* YYYY-MM-DD */
};

json_t *grade_folder(const char *folder, const struct grade_input *in, struct err *err);

#endif
