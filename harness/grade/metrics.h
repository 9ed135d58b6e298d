/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is measured: a table of metrics, each a pure function of the evidence.  A name
 * is a row, or a row of a family: "link.<link>.<direction>.<what>",
 * "middlebox.<counter>".
 */
#ifndef DUPACK_GRADE_METRICS_H
#define DUPACK_GRADE_METRICS_H

#include <stdbool.h>
#include <stddef.h>

struct evidence;

enum metric_unit {
	UNIT_COUNT,
	UNIT_RATIO, /* 0 to 1 */
	UNIT_SECONDS,
	UNIT_BYTES,
	UNIT_BPS,
	UNIT_WORD, /* "yes", "no", or a name */
	UNIT_KINDS
};

#define METRIC_WORD_MAX 128

struct metric_value {
	enum metric_unit unit;
	double number;
	char word[METRIC_WORD_MAX];
};

/** For documents: the names, with "<link>" and the like for the families. */
struct metric_kind {
	const char *name, *what;
	enum metric_unit unit;
};

size_t grade_metric_kinds(const struct metric_kind **ret_kinds);
bool grade_metric_known(const char *metric);
bool grade_metric(const struct evidence *e, const char *metric, struct metric_value *ret);
char *grade_metric_text(const struct metric_value *v, char *buf, size_t size);

void grade_metric_each(const struct evidence *e,
		       void (*call)(void *ctx, const char *name, const struct metric_value *v),
		       void *ctx);

extern const char *const metric_unit_names[UNIT_KINDS];

#endif
