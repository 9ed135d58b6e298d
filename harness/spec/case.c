// SPDX-License-Identifier: Apache-2.0
/*
 * The schema of a case file; cases/README.md says the same for people.  What
 * the links do is in impairment.c, what is sent in traffic.c.
 */
#include "spec/case.h"

#include <ctype.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "spec/capability.h"
#include "spec/impairment.h"
#include "spec/peers.h"
#include "spec/schema.h"
#include "spec/target.h"
#include "spec/timeline.h"
#include "spec/traffic.h"

#define DAY_NS (24 * 3600ULL * NS_PER_S)

/* --- pairs and middleboxes ------------------------------------------------ */

static bool read_pair_name(struct document *doc, yaml_node_t *node, void *out)
{
	const char *text = document_text(node);
	struct pair *p = out;
	struct err err;

	if (!text)
		return document_error(doc, node, "a pair is one word: CLIENT[:HEADEND][@CARRIAGE]");
	if (pair_parse(text, p, &err))
		return document_error(doc, node, "%s", err.text);
	p->at = document_place(node);
	return true;
}

static bool read_middlebox_name(struct document *doc, yaml_node_t *node, void *out)
{
	const char *text = document_text(node);
	struct choice *c = out;
	struct err err;

	if (!text)
		return document_error(doc, node, "a middlebox is one word: NAME[,KEY=VALUE]...");
	if (choice_parse(text, c, &err))
		return document_error(doc, node, "%s", err.text);
	c->at = document_place(node);
	return true;
}

/* The same name twice in a list would be two executions with one folder of results */
static bool check_unique(struct document *doc, yaml_node_t *list, void *base)
{
	(void)base;
	for (size_t i = 0; i < document_items(list); i++)
		for (size_t j = 0; j < i; j++) {
			const yaml_node_t *node = document_item(doc, list, i);

			if (strcmp(document_text(node),
				   document_text(document_item(doc, list, j))) == 0)
				return document_error(doc, node, "'%.60s' is here twice: keep one",
						      document_text(node));
		}
	return true;
}

static const struct schema_key pair_item = { .kind = SCHEMA_OWN, .read = read_pair_name };
static const struct schema_key profile_item = { .kind = SCHEMA_WORD,
						.words = profile_names,
						.words_len = PROFILES };
static const struct schema_key middlebox_item = { .kind = SCHEMA_OWN, .read = read_middlebox_name };

/* --- expect --------------------------------------------------------------- */

/* A plain decimal number; units_count() takes no fraction */
static int plain_number(const char *text, double *ret)
{
	char *end;

	if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789.")])
		return -1;
	*ret = strtod(text, &end);
	return *end || !isfinite(*ret) ? -1 : 0;
}

/* A bound of a metric in base units: ratios 0 to 1, seconds, bytes, bits a second */
static bool read_bound(struct document *doc, yaml_node_t *node, void *out)
{
	const char *text = document_text(node);
	double *bound = out;
	uint64_t n;

	if (!text)
		return document_error(doc, node, "this must be a number with its unit");
	if (plain_number(text, bound) == 0 || units_ratio(text, bound) == 0)
		return true;
	if (units_duration(text, &n) == 0)
		*bound = (double)n / NS_PER_S;
	else if (units_size(text, &n) == 0 || units_rate(text, &n) == 0)
		*bound = (double)n;
	else
		return document_error(doc, node,
				      "'%.60s' is not a number, percentage, duration, "
				      "size or rate: write for example 1, 99%%, 5s, "
				      "1MB or 10mbit",
				      text);
	return true;
}

static const char *const should_words[] = { "R", "S" };

static const struct schema_key expectation_keys[] = {
	{ .name = "metric",
	  .kind = SCHEMA_NAME,
	  .required = true,
	  .offset = offsetof(struct expectation, metric) },
	{ .name = "min",
	  .kind = SCHEMA_OWN,
	  .offset = offsetof(struct expectation, min),
	  .read = read_bound },
	{ .name = "max",
	  .kind = SCHEMA_OWN,
	  .offset = offsetof(struct expectation, max),
	  .read = read_bound },
	{ .name = "is", .kind = SCHEMA_TEXT, .offset = offsetof(struct expectation, is) },
	{ .name = "level",
	  .kind = SCHEMA_YESNO,
	  .offset = offsetof(struct expectation, should),
	  .words = should_words },
	{ 0 },
};

static bool check_expectation(struct document *doc, yaml_node_t *node, void *base)
{
	const yaml_node_t *min = document_find(doc, node, "min");
	const yaml_node_t *max = document_find(doc, node, "max");
	const yaml_node_t *metric = document_find(doc, node, "metric");
	struct expectation *e = base;

	e->has_min = min;
	e->has_max = max;
	e->at = document_place(metric);
	if (!e->is == !(min || max))
		return document_error(doc, node,
				      "write what '%.60s' shall be: 'min', 'max' or "
				      "both, or else 'is'",
				      e->metric);
	if (min && max && e->min > e->max)
		return document_error(doc, max, "'max' is less than 'min': nothing can be both");
	if (e->is)
		e->text = io_printf("= %s", e->is);
	else
		e->text = io_printf("%s%s%s%s%s", min ? ">= " : "", min ? document_text(min) : "",
				    min && max ? " and " : "", max ? "<= " : "",
				    max ? document_text(max) : "");
	return true;
}

static const struct schema_key expectation_item = {
	.kind = SCHEMA_MAPPING,
	.keys = expectation_keys,
	.check = check_expectation,
};

/* --- the case ------------------------------------------------------------- */

static bool read_level(struct document *doc, yaml_node_t *node, void *out)
{
	static const char *const words[] = { "R", "S", "M" };
	static const struct schema_key key = {
		.kind = SCHEMA_WORD,
		.words = words,
		.words_len = ARRAY_SIZE(words),
	};
	int word;

	if (!schema_value(doc, node, &key, &word))
		return false;
	*(char *)out = words[word][0];
	return true;
}

static const struct schema_key need_item = { .kind = SCHEMA_OWN, .read = capability_read };

static const char *const family_words[] = { "ipv4", "ipv6" };

static const struct schema_key limits_keys[] = {
	{ .name = "up",
	  .kind = SCHEMA_DURATION,
	  .offset = offsetof(struct spec_case, up_timeout_ns),
	  .min = 1,
	  .max = DAY_NS,
	  .range = "more than 0s, at most 24h" },
	{ .name = "wall",
	  .kind = SCHEMA_DURATION,
	  .offset = offsetof(struct spec_case, wall_limit_ns),
	  .min = NS_PER_S,
	  .max = DAY_NS,
	  .range = "1s to 24h" },
	{ 0 },
};

static const struct schema_key case_keys[] = {
	{ .name = "title",
	  .kind = SCHEMA_TEXT,
	  .required = true,
	  .offset = offsetof(struct spec_case, title) },
	{ .name = "requirement",
	  .kind = SCHEMA_TEXT,
	  .required = true,
	  .offset = offsetof(struct spec_case, requirement) },
	{ .name = "clause",
	  .kind = SCHEMA_TEXT,
	  .required = true,
	  .offset = offsetof(struct spec_case, clause) },
	{ .name = "level",
	  .kind = SCHEMA_OWN,
	  .offset = offsetof(struct spec_case, level),
	  .read = read_level },
	{ .name = "family",
	  .kind = SCHEMA_YESNO,
	  .offset = offsetof(struct spec_case, ipv6),
	  .words = family_words },
	{ .name = "inner",
	  .kind = SCHEMA_YESNO,
	  .offset = offsetof(struct spec_case, inner_ipv6),
	  .words = family_words },
	{ .name = "needs",
	  .kind = SCHEMA_LIST,
	  .offset = offsetof(struct spec_case, needs),
	  .len_offset = offsetof(struct spec_case, needs_len),
	  .item = &need_item,
	  .item_size = sizeof(char *) },
	{ .name = "pairs",
	  .kind = SCHEMA_LIST,
	  .required = true,
	  .offset = offsetof(struct spec_case, pairs),
	  .len_offset = offsetof(struct spec_case, pairs_len),
	  .item = &pair_item,
	  .item_size = sizeof(struct pair),
	  .check = check_unique },
	{ .name = "middleboxes",
	  .kind = SCHEMA_LIST,
	  .required = true,
	  .offset = offsetof(struct spec_case, middleboxes),
	  .len_offset = offsetof(struct spec_case, middleboxes_len),
	  .item = &middlebox_item,
	  .item_size = sizeof(struct choice),
	  .check = check_unique },
	{ .name = "profiles",
	  .kind = SCHEMA_LIST,
	  .offset = offsetof(struct spec_case, profiles),
	  .len_offset = offsetof(struct spec_case, profiles_len),
	  .item = &profile_item,
	  .item_size = sizeof(int),
	  .check = check_unique },
	{ .name = "impair",
	  .kind = SCHEMA_OWN,
	  .offset = offsetof(struct spec_case, impair),
	  .read = impairment_read },
	{ .name = "timeline",
	  .kind = SCHEMA_OWN,
	  .offset = offsetof(struct spec_case, timeline),
	  .read = timeline_read },
	{ .name = "traffic",
	  .kind = SCHEMA_LIST,
	  .offset = offsetof(struct spec_case, traffic),
	  .len_offset = offsetof(struct spec_case, traffic_len),
	  .item = &traffic_item_schema,
	  .item_size = sizeof(struct traffic) },
	{ .name = "before",
	  .kind = SCHEMA_DURATION,
	  .offset = offsetof(struct spec_case, before_ns) },
	{ .name = "idle", .kind = SCHEMA_DURATION, .offset = offsetof(struct spec_case, idle_ns) },
	{ .name = "after",
	  .kind = SCHEMA_DURATION,
	  .offset = offsetof(struct spec_case, after_ns) },
	{ .name = "dpd", .kind = SCHEMA_DURATION, .offset = offsetof(struct spec_case, dpd_ns) },
	{ .name = "rekey",
	  .kind = SCHEMA_DURATION,
	  .offset = offsetof(struct spec_case, rekey_ns),
	  .min = NS_PER_S,
	  .max = 7 * DAY_NS,
	  .range = "1s to 168h" },
	{ .name = "limits", .kind = SCHEMA_MAPPING, .keys = limits_keys },
	{ .name = "expect",
	  .kind = SCHEMA_LIST,
	  .required = true,
	  .offset = offsetof(struct spec_case, expect),
	  .len_offset = offsetof(struct spec_case, expect_len),
	  .item = &expectation_item,
	  .item_size = sizeof(struct expectation) },
	{ 0 },
};

/* id and series come from where the file is: cases/SERIES/ID.yaml */
static int name_case(struct spec_case *c, struct err *err)
{
	AUTO_FREE char *real = realpath(c->file, NULL);
	char *slash, *dot;

	if (!real)
		return err_set_kind(err, ERR_USAGE, "no case file '%s'", c->file);
	slash = strrchr(real, '/');
	dot = strrchr(slash, '.');
	if (!dot || strcmp(dot, ".yaml") != 0 || dot == slash + 1)
		return err_set_kind(err, ERR_USAGE, "'%s' is not a case: name the file ID.yaml",
				    c->file);
	*slash = *dot = '\0';
	c->id = io_printf("%s", slash + 1);
	c->series = io_printf("%s", *real ? basename(real) : ".");
	for (const char *p = c->id; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return err_set_kind(err, ERR_USAGE,
					    "'%s' cannot be the name of a case: use letters, "
					    "digits, '.', '_' and '-'",
					    c->file);
	return 0;
}

/* What follows from the whole file */
static void finish_case(struct document *doc, struct spec_case *c)
{
	yaml_node_t *expect = document_find(doc, document_root(doc), "expect");

	for (int l = 0; l < LINK_COUNT; l++)
		for (int d = 0; d < DIR_COUNT; d++)
			c->planned_loss |= impairment_loses(&c->impair[l][d]);
	traffic_expand(c);
	timeline_check(doc, c);
	for (size_t i = 0; i < c->expect_len; i++)
		if (!document_find(doc, document_item(doc, expect, i), "level"))
			c->expect[i].should = c->level != 'R';
}

/**
 * spec_case_load() - Read and validate a case file
 * @path:	The file
 * @err:	Set on failure: ERR_USAGE, a line for each thing that is wrong, each
 *		beginning with file:line:column
 *
 * Names that other folders know (metrics, middleboxes, targets) are checked by
 * spec_case_check_metrics() and its siblings.
 *
 * Return: the case, to be freed by spec_case_free(), or NULL
 */
struct spec_case *spec_case_load(const char *path, struct err *err)
{
	AUTO_DOCUMENT struct document doc = { 0 };
	AUTO_CASE struct spec_case *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->file = io_printf("%s", path);
	c->level = 'R';
	c->up_timeout_ns = 30 * NS_PER_S;
	c->wall_limit_ns = 60 * NS_PER_S;
	if (name_case(c, err) || document_open(&doc, path, err))
		return NULL;
	if (schema_read(&doc, document_root(&doc), case_keys, c))
		finish_case(&doc, c);
	if (document_verdict(&doc, err))
		return NULL;
	return steal_ptr(&c);
}

/** spec_case_has_tunnel() - Do targets run, and anything in their tunnel? Else all is `outer` */
bool spec_case_has_tunnel(const struct spec_case *c)
{
	for (size_t i = 0; i < c->traffic_len; i++)
		if (!c->traffic[i].outer)
			return true;
	return c->traffic_len == 0;
}

/** spec_case_free() - Free a case; NULL is fine */
void spec_case_free(struct spec_case *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->pairs_len; i++)
		pair_release(&c->pairs[i]);
	for (size_t i = 0; i < c->middleboxes_len; i++)
		choice_release(&c->middleboxes[i]);
	for (size_t i = 0; i < c->expect_len; i++) {
		free(c->expect[i].metric);
		free(c->expect[i].is);
		free(c->expect[i].text);
	}
	for (int l = 0; l < LINK_COUNT; l++)
		for (int d = 0; d < DIR_COUNT; d++)
			impairment_release(&c->impair[l][d]);
	timeline_release(&c->timeline);
	for (size_t i = 0; i < c->needs_len; i++)
		free(c->needs[i]);
	free(c->needs);
	free(c->pairs);
	free(c->middleboxes);
	free(c->profiles);
	free(c->traffic);
	free(c->expect);
	free(c->file);
	free(c->id);
	free(c->series);
	free(c->title);
	free(c->requirement);
	free(c->clause);
	free(c);
}

/* --- names that other folders know ---------------------------------------- */

static int wrap_place(const struct spec_case *c, struct place at, struct err *err)
{
	err->kind = ERR_USAGE;
	return err_wrap(err, "%s:%u:%u", c->file, at.line, at.column);
}

/**
 * spec_case_check_metrics() - Are all metrics in `expect` known?
 * @c:		The case
 * @known:	Says whether a metric exists, with the reason in its err
 * @err:	Set to the first that does not
 *
 * Return: 0 or -1
 */
int spec_case_check_metrics(const struct spec_case *c,
			    bool (*known)(const char *metric, struct err *err), struct err *err)
{
	for (size_t i = 0; i < c->expect_len; i++)
		if (!known(c->expect[i].metric, err))
			return wrap_place(c, c->expect[i].at, err);
	return 0;
}

/**
 * spec_case_check_middleboxes() - Are all middleboxes and their options known?
 * @c:		The case
 * @known:	Says whether a middlebox exists, with the reason in its err
 * @err:	Set to the first that does not
 *
 * Return: 0 or -1
 */
int spec_case_check_middleboxes(const struct spec_case *c,
				bool (*known)(const struct choice *middlebox, struct err *err),
				struct err *err)
{
	for (size_t i = 0; i < c->middleboxes_len; i++)
		if (!known(&c->middleboxes[i], err))
			return wrap_place(c, c->middleboxes[i].at, err);
	return 0;
}

/**
 * spec_case_check_targets() - Can each pair of a case be formed of the targets?
 * @c:		The case
 * @targets_dir: The folder of targets
 * @err:	Set to the first pair that cannot, and why
 *
 * Return: 0 or -1
 */
int spec_case_check_targets(const struct spec_case *c, const char *targets_dir, struct err *err)
{
	for (size_t i = 0; i < c->pairs_len; i++)
		if (spec_pair_check(&c->pairs[i], targets_dir, err))
			return wrap_place(c, c->pairs[i].at, err);
	return 0;
}
