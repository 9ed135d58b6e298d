/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of one file, as `dupack check` does it: offline. */
#ifndef DUPACK_SPEC_CHECK_H
#define DUPACK_SPEC_CHECK_H

#include <stdbool.h>

struct choice;
struct err;

/** What other folders know; what is NULL is not checked. */
struct spec_checks {
	bool (*metric)(const char *metric, struct err *err);
	bool (*middlebox)(const struct choice *middlebox, struct err *err);
	const char *targets_dir;
};

int spec_check_file(const char *path, const struct spec_checks *checks, struct err *err);

#endif
