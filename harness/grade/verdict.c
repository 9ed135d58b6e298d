// SPDX-License-Identifier: Apache-2.0
/*
 * The order in which things decide:
 *
 *   the execution failed         error, skip, or unsupported
 *   a planned fault is missing   inconclusive, whatever was measured
 *   every expectation holds      pass; xpass if a deviation says that it fails
 *   only SHOULDs do not          warn
 *   else                         fail; xfail if a deviation explains it
 */
#include "grade/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "grade/evidence.h"
#include "grade/findings.h"
#include "grade/grade.h"
#include "grade/metrics.h"
#include "spec/name.h"
#include "spec/target.h"

const char *const verdict_names[VERDICT_COUNT] = {
	[VERDICT_PASS] = "pass",
	[VERDICT_FAIL] = "fail",
	[VERDICT_WARN] = "warn",
	[VERDICT_SKIP] = "skip",
	[VERDICT_UNSUPPORTED] = "unsupported",
	[VERDICT_INCONCLUSIVE] = "inconclusive",
	[VERDICT_ERROR] = "error",
	[VERDICT_XFAIL] = "xfail",
	[VERDICT_XPASS] = "xpass",
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* --- expectations ----------------------------------------------------------------------- */

static bool holds(const struct expectation *x, const struct metric_value *v)
{
	if (x->is)
		return v->unit == UNIT_WORD && strcmp(v->word, x->is) == 0;
	return v->unit != UNIT_WORD && (!x->has_min || v->number >= x->min) &&
	       (!x->has_max || v->number <= x->max);
}

/**
 * verdict_expectation() - Hold a metric against what a case expects of it
 *
 * What could not be measured does not hold: its value is "none".
 *
 * Return: {metric, expected, actual, ok, level}, a new object
 */
json_t *verdict_expectation(const struct evidence *e, const struct expectation *x)
{
	char text[METRIC_WORD_MAX] = "none";
	struct metric_value v;
	bool measured = grade_metric(e, x->metric, &v);

	if (measured)
		grade_metric_text(&v, text, sizeof(text));
	return json_pack("{s:s, s:s, s:s, s:b, s:s}", "metric", x->metric, "expected", x->text,
			 "actual", text, "ok", measured && holds(x, &v), "level",
			 x->should ? "S" : "R");
}

/* --- deviations ---------------------------------------------------------------------------- */

static bool excluded(const struct deviation *d, const struct pair *pair)
{
	const char *equals = d->unless ? strchr(d->unless, '=') : NULL;

	if (!equals)
		return false;
	for (size_t i = 0; i < pair->carriage.options_len; i++) {
		const struct option *o = &pair->carriage.options[i];

		if (strlen(o->key) == (size_t)(equals - d->unless) &&
		    strncmp(o->key, d->unless, strlen(o->key)) == 0 &&
		    strcmp(o->value, equals + 1) == 0)
			return true;
	}
	return false;
}

/* Is it about this case, this device and this pair, today? */
static bool applies(const struct deviation *d, const struct grade_input *in, const char *middlebox)
{
	size_t name = strcspn(middlebox, ",");

	return (strcmp(d->case_id, "*") == 0 || strcmp(d->case_id, in->c->id) == 0) &&
	       (!d->middlebox ||
		(strlen(d->middlebox) == name && strncmp(d->middlebox, middlebox, name) == 0)) &&
	       !excluded(d, in->pair) && (!d->expires || strcmp(in->today, d->expires) <= 0);
}

/*
 * One that explains a failure by its findings, or, with @findings NULL, one that a pass
 * refutes: it has to name the case, since that one case passes is no surprise to what
 * is said of all.
 */
static const struct deviation *find_deviation(const struct grade_input *in, const char *middlebox,
					      const json_t *findings)
{
	for (size_t t = 0; t < in->targets_len; t++)
		for (size_t i = 0; in->targets[t] && i < in->targets[t]->deviations_len; i++) {
			const struct deviation *d = &in->targets[t]->deviations[i];
			bool told = findings
					    ? !d->finding || grade_has_finding(findings, d->finding)
					    : strcmp(d->case_id, "*") != 0;

			if (told && applies(d, in, middlebox))
				return d;
		}
	return NULL;
}

/* --- the decision ---------------------------------------------------------------------------- */

static bool from_error(const json_t *error, struct verdict_result *ret)
{
	if (!error)
		return false;
	ret->verdict = strcmp(text_of(error, "kind"), "skip") == 0	    ? VERDICT_SKIP
		       : strcmp(text_of(error, "kind"), "unsupported") == 0 ? VERDICT_UNSUPPORTED
									    : VERDICT_ERROR;
	snprintf(ret->reason, sizeof(ret->reason), "%s", text_of(error, "text"));
	return true;
}

/* The first that does not hold, one that is required before one that should; or NULL */
static const json_t *first_failure(const json_t *expectations, bool *ret_required)
{
	const json_t *x, *found = NULL;
	size_t i;

	*ret_required = false;
	json_array_foreach (expectations, i, x) {
		bool required = strcmp(text_of(x, "level"), "R") == 0;

		if (json_is_true(json_object_get(x, "ok")))
			continue;
		if (!found || (required && !*ret_required))
			found = x;
		*ret_required = *ret_required || required;
	}
	return found;
}

static void say_failure(const json_t *x, const json_t *findings, struct verdict_result *ret)
{
	int n = snprintf(ret->reason, sizeof(ret->reason), "%s is %s, expected %s",
			 text_of(x, "metric"), text_of(x, "actual"), text_of(x, "expected"));
	const json_t *finding = json_array_get(findings, 0);

	if (finding && n > 0 && (size_t)n < sizeof(ret->reason))
		snprintf(ret->reason + n, sizeof(ret->reason) - (size_t)n, "; %s: %s",
			 text_of(finding, "rule"), text_of(finding, "summary"));
}

/* The first that is missing; there may be more in the witness */
static void say_missing(const json_t *witness, const json_t *failure, struct verdict_result *ret)
{
	const char *what =
		json_string_value(json_array_get(json_object_get(witness, "missing"), 0));
	int n = snprintf(ret->reason, sizeof(ret->reason), "the planned %s did not take place",
			 what ? what : "fault");

	if (failure && n > 0 && (size_t)n < sizeof(ret->reason))
		snprintf(ret->reason + n, sizeof(ret->reason) - (size_t)n,
			 "; and %s is %s, expected %s", text_of(failure, "metric"),
			 text_of(failure, "actual"), text_of(failure, "expected"));
}

static void decide(const struct verdict_facts *facts, const struct grade_input *in,
		   const char *middlebox, struct verdict_result *ret)
{
	const json_t *failure;
	bool required;

	if (from_error(facts->error, ret))
		return;
	failure = first_failure(facts->expectations, &required);
	if (json_is_object(facts->witness) &&
	    !json_is_true(json_object_get(facts->witness, "happened"))) {
		ret->verdict = VERDICT_INCONCLUSIVE;
		say_missing(facts->witness, failure, ret);
		return;
	}
	if (!failure) {
		ret->deviation = find_deviation(in, middlebox, NULL);
		ret->verdict = ret->deviation ? VERDICT_XPASS : VERDICT_PASS;
		snprintf(ret->reason, sizeof(ret->reason),
			 ret->deviation ? "all %zu expectations hold, against the deviation: %s"
					: "all %zu expectations hold",
			 json_array_size(facts->expectations),
			 ret->deviation ? ret->deviation->reason : "");
		return;
	}
	say_failure(failure, facts->findings, ret);
	if (!required || facts->level != 'R') {
		ret->verdict = VERDICT_WARN;
		return;
	}
	ret->deviation = find_deviation(in, middlebox, facts->findings);
	ret->verdict = ret->deviation ? VERDICT_XFAIL : VERDICT_FAIL;
}

/**
 * verdict_decide() - The verdict and why
 * @facts:	What was measured
 * @in:		Case, pair, targets and date
 * @middlebox:	As written: "asa-proxy,queue-limit=5"
 * @ret:	Set
 */
void verdict_decide(const struct verdict_facts *facts, const struct grade_input *in,
		    const char *middlebox, struct verdict_result *ret)
{
	*ret = (struct verdict_result){ 0 };
	decide(facts, in, middlebox, ret);
	utf8_clean(ret->reason);
}
