// SPDX-License-Identifier: Apache-2.0
/*
 * dupack list: what there is.  Each listing is made as JSON; the table for people is
 * some of its keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/home.h"
#include "base/io.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/probe.h"
#include "grade/metrics.h"
#include "middlebox/middlebox.h"
#include "report/table.h"
#include "report/text.h"
#include "spec/peers.h"
#include "spec/runlist.h"
#include "spec/target.h"

static json_t *strings_json(const struct strings *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->len; i++)
		json_array_append_new(array, json_string(list->v[i]));
	return array;
}

/* --- cases ------------------------------------------------------------------ */

static int load_cases(const struct home *home, struct run_list *ret, struct err *err)
{
	const struct run_request request = { .cases_dir = home->cases, .seed = 1 };

	return run_list_build(&request, ret, err);
}

static json_t *case_json(const struct spec_case *c)
{
	AUTO_FREE char *name = io_printf("%s/%s", c->series, c->id);
	json_t *pairs = json_array(), *boxes = json_array(), *profiles = json_array();

	for (size_t i = 0; i < c->pairs_len; i++)
		json_array_append_new(pairs, json_string(c->pairs[i].text));
	for (size_t i = 0; i < c->middleboxes_len; i++)
		json_array_append_new(boxes, json_string(c->middleboxes[i].text));
	for (size_t i = 0; i < c->profiles_len; i++)
		json_array_append_new(profiles, json_string(profile_names[c->profiles[i]]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s#, s:s, s:o, s:o, s:o}", "name", name,
			 "series", c->series, "case", c->id, "title", c->title, "requirement",
			 c->requirement, "clause", c->clause, "level", &c->level, 1, "file",
			 c->file, "pairs", pairs, "middleboxes", boxes, "profiles", profiles);
}

static json_t *list_cases(const struct home *home, struct err *err)
{
	AUTO_RUN_LIST struct run_list list = { 0 };
	json_t *rows;

	if (load_cases(home, &list, err))
		return NULL;
	rows = json_array();
	for (size_t i = 0; i < list.cases_len; i++)
		json_array_append_new(rows, case_json(list.cases[i]));
	return rows;
}

static const struct table_column case_columns[] = {
	{ .key = "name", .heading = "case" },	{ .key = "level", .heading = "level" },
	{ .key = "pairs", .heading = "pairs" }, { .key = "middleboxes", .heading = "middleboxes" },
	{ .key = "title", .heading = "title" },
};

/* --- targets ---------------------------------------------------------------- */

static json_t *target_json(const struct target *t)
{
	AUTO_FREE char *missing = probe_missing_programs(&t->needs_bin);

	return json_pack("{s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:i, s:s, s:s}",
			 "name", t->name, "vendor", t->vendor, "roles", strings_json(&t->roles),
			 "carriages", strings_json(&t->carriages), "speaks",
			 strings_json(&t->speaks), "answers", strings_json(&t->answers), "packages",
			 strings_json(&t->packages), "binaries", strings_json(&t->needs_bin),
			 "capabilities", strings_json(&t->caps), "wire", t->wire, "deviations",
			 (int)t->deviations_len, "missing", missing, "dir", t->dir);
}

static json_t *list_targets(const struct home *home, struct err *err)
{
	AUTO_TARGET_LIST struct target_list targets = { 0 };
	json_t *rows;

	if (target_list_load(home->targets, &targets, err))
		return NULL;
	rows = json_array();
	for (size_t i = 0; i < targets.len; i++)
		json_array_append_new(rows, target_json(targets.v[i]));
	return rows;
}

static const struct table_column target_columns[] = {
	{ .key = "name", .heading = "target" },
	{ .key = "roles", .heading = "roles" },
	{ .key = "carriages", .heading = "carriages" },
	{ .key = "speaks", .heading = "speaks" },
	{ .key = "missing", .heading = "missing on this host" },
	{ .key = "vendor", .heading = "vendor" },
};

/* --- pairs ------------------------------------------------------------------ */

static json_t *find_row(const json_t *rows, const char *key, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		if (strcmp(json_string_value(json_object_get(row, key)), name) == 0)
			return row;
	}
	return NULL;
}

static json_t *pair_row(json_t *rows, const struct pair *p)
{
	json_t *row = find_row(rows, "pair", p->text);

	if (row)
		return row;
	row = json_pack("{s:s, s:s, s:s, s:s, s:b, s:[]}", "pair", p->text, "client", p->client,
			"headend", p->headend, "carriage", p->carriage.name, "matrix", 0, "cases");
	json_array_append_new(rows, row);
	return row;
}

static void add_pairs(json_t *rows, const struct target_list *targets, bool all)
{
	AUTO_PAIR_LIST struct pair_list pairs = { 0 };

	pair_list_form(targets, all, &pairs);
	for (size_t i = 0; i < pairs.len; i++) {
		json_t *row = pair_row(rows, &pairs.v[i]);

		if (!all)
			json_object_set_new(row, "matrix", json_true());
	}
}

/*
 * Those of a matrix, then what else the targets can form, then what cases name besides,
 * with options for example
 */
static json_t *list_pairs(const struct home *home, struct err *err)
{
	AUTO_TARGET_LIST struct target_list targets = { 0 };
	AUTO_RUN_LIST struct run_list list = { 0 };
	json_t *rows;

	if (target_list_load(home->targets, &targets, err) || load_cases(home, &list, err))
		return NULL;
	rows = json_array();
	add_pairs(rows, &targets, false);
	add_pairs(rows, &targets, true);
	for (size_t i = 0; i < list.cases_len; i++)
		for (size_t n = 0; n < list.cases[i]->pairs_len; n++) {
			json_t *row = pair_row(rows, &list.cases[i]->pairs[n]);

			json_array_append_new(
				json_object_get(row, "cases"),
				json_sprintf("%s/%s", list.cases[i]->series, list.cases[i]->id));
		}
	return rows;
}

static const struct table_column pair_columns[] = {
	{ .key = "pair", .heading = "pair" },	     { .key = "client", .heading = "client" },
	{ .key = "headend", .heading = "head-end" }, { .key = "carriage", .heading = "carriage" },
	{ .key = "matrix", .heading = "matrix" },    { .key = "cases", .heading = "cases" },
};

/* --- metrics ---------------------------------------------------------------- */

static json_t *list_metrics(const struct home *home, struct err *err)
{
	const struct metric_kind *kinds;
	size_t len = grade_metric_kinds(&kinds);
	json_t *rows = json_array();

	(void)home, (void)err;
	for (size_t i = 0; i < len; i++)
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "metric", kinds[i].name,
						      "unit", metric_unit_names[kinds[i].unit],
						      "what", kinds[i].what));
	return rows;
}

static const struct table_column metric_columns[] = {
	{ .key = "metric", .heading = "metric" },
	{ .key = "unit", .heading = "unit" },
	{ .key = "what", .heading = "what" },
};

/* --- middleboxes ------------------------------------------------------------ */

static json_t *option_json(const struct device_option *o)
{
	static const char *const kinds[] = {
		[OPTION_COUNT] = "count",   [OPTION_DURATION] = "duration", [OPTION_SIZE] = "size",
		[OPTION_RATE] = "rate",	    [OPTION_BYTES] = "bytes",	    [OPTION_WORD] = "word",
		[OPTION_RANGES] = "ranges", [OPTION_PREFIXES] = "prefixes",
	};
	json_t *words = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(o->words) && o->words[i]; i++)
		json_array_append_new(words, json_string(o->words[i]));
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "option", o->name, "default", o->preset,
			 "kind", kinds[o->kind], "words", words, "what", o->what, "source",
			 o->source);
}

static json_t *list_middleboxes(const struct home *home, struct err *err)
{
	json_t *rows = json_array();

	(void)home, (void)err;
	for (size_t d = 0; d < DEVICE_COUNT; d++) {
		const struct device_kind *kind = &device_kinds[d];
		const struct device_option *o;
		json_t *its_options = json_array(), *counters = json_array();

		for (size_t i = 0; (o = device_option(i)); i++)
			if (device_has_option((enum device_mode)d, o))
				json_array_append_new(its_options, option_json(o));
		for (size_t i = 0; kind->ops && i < kind->ops->counters_len; i++)
			json_array_append_new(counters,
					      json_pack("{s:s, s:s}", "counter",
							kind->ops->counters[i].name, "what",
							kind->ops->counters[i].what));
		json_array_append_new(rows,
				      json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", kind->name,
						"what", kind->what, "source", kind->source,
						"options", its_options, "counters", counters));
	}
	return rows;
}

static void print_option(const json_t *o, const struct table_style *style)
{
	enum { INDENT = 48 };
	AUTO_FREE char *set = io_printf("%s=%s", json_string_value(json_object_get(o, "option")),
					json_string_value(json_object_get(o, "default")));
	AUTO_FREE char *words = table_text(json_object_get(o, "words"));
	AUTO_FREE char *what = io_printf("%s (%s)", json_string_value(json_object_get(o, "what")),
					 json_string_value(json_object_get(o, "source")));

	printf("  %-26s %-18s ", set,
	       *words ? words : json_string_value(json_object_get(o, "kind")));
	text_wrap(stdout, what, INDENT, style->width);
}

static void print_counters(const json_t *counters, const struct table_style *style)
{
	json_t *names = json_array(), *c;
	AUTO_FREE char *text = NULL;
	size_t i;

	json_array_foreach (counters, i, c) {
		json_array_append(names, json_object_get(c, "counter"));
	}
	text = table_text(names);
	json_decref(names);
	if (!*text)
		return;
	fputs("\n  counters: ", stdout);
	text_wrap(stdout, text, 12, style->width);
}

/* One device after the other, each with its options as a user would give them */
static void print_middleboxes(const json_t *rows, const struct table_style *style)
{
	const json_t *row, *o;
	size_t i, n;

	json_array_foreach (rows, i, row) {
		const json_t *its_options = json_object_get(row, "options");

		printf("%s%s\n  ", i ? "\n" : "", json_string_value(json_object_get(row, "name")));
		text_wrap(stdout, json_string_value(json_object_get(row, "what")), 2, style->width);
		fputs("  source: ", stdout);
		text_wrap(stdout, json_string_value(json_object_get(row, "source")), 10,
			  style->width);
		if (json_array_size(its_options))
			printf("\n  %-26s %-18s %s\n", "option=default", "value", "what (source)");
		json_array_foreach (its_options, n, o) {
			print_option(o, style);
		}
		print_counters(json_object_get(row, "counters"), style);
	}
}

/* --- the subcommand ----------------------------------------------------------- */

static const struct listing {
	const char *name;
	json_t *(*make)(const struct home *home, struct err *err);
	const struct table_column *columns;
	size_t columns_len;
	void (*print)(const json_t *rows, const struct table_style *style); /* instead of columns */
} listings[] = {
	{ "cases", list_cases, case_columns, ARRAY_SIZE(case_columns), NULL },
	{ "pairs", list_pairs, pair_columns, ARRAY_SIZE(pair_columns), NULL },
	{ "targets", list_targets, target_columns, ARRAY_SIZE(target_columns), NULL },
	{ "middleboxes", list_middleboxes, NULL, 0, print_middleboxes },
	{ "metrics", list_metrics, metric_columns, ARRAY_SIZE(metric_columns), NULL },
};

struct arguments {
	const struct listing *listing;
	bool json;
};

static const struct argp_option options[] = {
	{ "json", 'J', NULL, 0, "print JSON", 0 },
	{ 0 },
};

static const struct listing *find_listing(struct argp_state *state, const char *word)
{
	const char *names[ARRAY_SIZE(listings)];
	AUTO_FREE char *list = NULL;
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(listings); i++) {
		names[i] = listings[i].name;
		if (word && strcmp(names[i], word) == 0)
			return &listings[i];
	}
	list = name_list(names, ARRAY_SIZE(names));
	near = word ? name_near(word, names, ARRAY_SIZE(names)) : NULL;
	if (near)
		argp_error(state, "no list of '%.60s': did you mean '%s'?", word, near);
	else if (word)
		argp_error(state, "no list of '%.60s': there are: %s", word, list);
	else
		argp_error(state, "say what to list: %s", list);
	return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'J':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->listing)
			argp_error(state, "one list at a time");
		a->listing = find_listing(state, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		find_listing(state, NULL);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "cases|pairs|targets|middleboxes|metrics",
	.doc = "List what there is.",
};

static void print(const struct arguments *a, const json_t *rows)
{
	const struct terminal_style terminal = cmd_style(STDOUT_FILENO);
	const struct table_style style = { .width = terminal.width, .colour = terminal.colour };

	if (a->json)
		cmd_print_json(rows);
	else if (a->listing->print)
		a->listing->print(rows, &style);
	else
		table_print(stdout, a->listing->columns, a->listing->columns_len, rows, &style);
}

/** cmd_list() - dupack list */
int cmd_list(int argc, char **argv)
{
	AUTO_HOME struct home home = { 0 };
	struct arguments arguments = { 0 };
	struct err err = { 0 };
	json_t *rows;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (home_find(&home, &err))
		return cmd_error(&err);
	rows = arguments.listing->make(&home, &err);
	if (!rows)
		return cmd_error(&err);
	print(&arguments, rows);
	json_decref(rows);
	return cmd_finish(0);
}
