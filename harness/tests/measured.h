/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics, each measured in a folder in which everything is known. */
#ifndef DUPACK_TESTS_MEASURED_H
#define DUPACK_TESTS_MEASURED_H

#include "grade/evidence.h"
#include "grade/metrics.h"
#include "tests/run-folder.h"

#define T0 (FOLDER_T0 + NS_PER_S)
#define MS NS_PER_MS

static inline void check(const struct evidence *e, const char *metric, const char *want)
{
	char text[METRIC_WORD_MAX] = "absent";
	struct metric_value v;

	if (grade_metric(e, metric, &v))
		grade_metric_text(&v, text, sizeof(text));
	tap_str(text, want, "%s is %s", metric, want);
}

/** A folder made by @make for a case with a line more, and what is measured in it. */
struct expected {
	const char *metric, *value;
};

static inline void measure(const char *what, const char *line, void (*make)(struct folder *f),
			   const struct expected *expected)
{
	AUTO_CASE struct spec_case *c = folder_case(line);
	AUTO_EVIDENCE struct evidence e = { 0 };
	struct err err = { 0 };
	struct folder f;

	printf("# %s\n", what);
	folder_begin(&f, "run");
	make(&f);
	folder_end(&f);
	tap_is(evidence_load("run", c, &e, &err), 0, "%s %s", what, err.text);
	for (; expected->metric; expected++)
		check(&e, expected->metric, expected->value);
}

#define ROW(...) ((const struct expected[]){ __VA_ARGS__, { NULL, NULL } })

#endif
