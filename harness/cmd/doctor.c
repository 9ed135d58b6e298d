// SPDX-License-Identifier: Apache-2.0
/*
 * dupack doctor: what this machine can do, what will be skipped, how to mend it.
 *
 * The exit status is 0 if the default runtime works, else 99: then the harness would
 * fail, whatever is asked of it.
 */
#include <dirent.h>
#include <stdbool.h>
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
#include "report/text.h"
#include "spec/name.h"
#include "spec/target.h"

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is that of argp */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	switch (key) {
	case 'J':
		*json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "it takes no arguments");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'J', NULL, 0, "print JSON", 0 },
	{ 0 },
};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Say what this machine can do, what will be skipped, and how to mend it.\v"
	       "The exit status is 0 if the runtime 'virtual' works, and 99 if not.",
};

/* --- finding out, as JSON ----------------------------------------------------- */

static json_t *runtimes_json(unsigned runtimes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < RUNTIME_COUNT; i++)
		if (runtimes >> i & 1)
			json_array_append_new(array, json_string(runtime_names[i]));
	return array;
}

/* Texts that were written to send a user here need not say so here */
static const char *without_hint(const char *text)
{
	static const char hint[] = "(see 'dupack doctor'): ";
	const char *at = strstr(text, hint);

	return at ? at + strlen(hint) : text;
}

static json_t *probe_json(const struct probe *p)
{
	AUTO_FREE char *found = NULL;
	struct err err = { 0 };
	bool ok = probe_run(p, &found, &err) == 0;

	return json_pack("{s:s, s:o, s:b, s:s, s:b, s:s, s:s}", "name", p->name, "runtimes",
			 runtimes_json(p->runtimes), "required", p->required, "purpose", p->purpose,
			 "ok", ok, "found", ok ? found : without_hint(err.text), "remedy",
			 p->remedy);
}

/* The programs of a target, for the runtime host: in a guest they are in its root */
static json_t *target_json(const struct target *t)
{
	AUTO_FREE char *missing = probe_missing_programs(&t->needs_bin);
	AUTO_FREE char *packages = name_list((const char *const *)t->packages.v, t->packages.len);
	AUTO_FREE char *name = io_printf("target-%s", t->name);
	AUTO_FREE char *found =
		*missing ? io_printf("missing: %s", missing) : io_printf("its programs are here");
	AUTO_FREE char *remedy = io_printf("apt-get install %s", packages);

	for (char *c = remedy; *c; c++)
		if (*c == ',')
			*c = ' ';
	return json_pack("{s:s, s:o, s:b, s:s, s:b, s:s, s:s}", "name", name, "runtimes",
			 runtimes_json(1U << RUNTIME_HOST), "required", false, "purpose",
			 "pairs with this target", "ok", !*missing, "found", found, "remedy",
			 remedy);
}

static void add_targets(json_t *rows, const struct home *home)
{
	struct dirent **found = NULL;
	int n = scandir(home->targets, &found, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		AUTO_FREE char *dir = io_printf("%s/%s", home->targets, found[i]->d_name);
		struct err ignored = { 0 };
		AUTO_TARGET struct target *t = spec_target_load(dir, &ignored);

		if (t)
			json_array_append_new(rows, target_json(t));
		free(found[i]);
	}
	free(found);
}

static bool needed_by(const json_t *row, const char *runtime)
{
	const json_t *name;
	size_t i;

	json_array_foreach (json_object_get(row, "runtimes"), i, name)
		if (strcmp(json_string_value(name), runtime) == 0)
			return true;
	return false;
}

static bool is(const json_t *row, const char *key)
{
	return json_is_true(json_object_get(row, key));
}

static bool works(const json_t *rows, const char *runtime)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		if (needed_by(row, runtime) && is(row, "required") && !is(row, "ok"))
			return false;
	}
	return true;
}

static json_t *examine(void)
{
	AUTO_HOME struct home home = { 0 };
	json_t *rows = json_array(), *runtimes = json_object();
	struct err err = { 0 };

	for (size_t i = 0; i < probes_len; i++)
		json_array_append_new(rows, probe_json(&probes[i]));
	if (!home_find(&home, &err))
		add_targets(rows, &home);
	else
		cmd_print_error(&err);
	for (size_t i = 0; i < RUNTIME_COUNT; i++)
		json_object_set_new(runtimes, runtime_names[i],
				    json_boolean(works(rows, runtime_names[i])));
	return json_pack("{s:o, s:o}", "runtimes", runtimes, "probes", rows);
}

/* --- saying it ------------------------------------------------------------------ */

enum { COLUMN_TEXT = 26 }; /* "  no   image-rights       " */

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static void print_row(const json_t *row, const struct terminal_style *style)
{
	const char *mark = is(row, "ok") ? "ok" : is(row, "required") ? "no" : "skip";
	const char *sgr = is(row, "ok") ? "32" : is(row, "required") ? "1;31" : "33";
	AUTO_FREE char *line = is(row, "ok") ? io_printf("%s", text_of(row, "found"))
					     : io_printf("%s (for: %s)", text_of(row, "found"),
							 text_of(row, "purpose"));
	AUTO_FREE char *remedy = io_printf("mend it: %s", text_of(row, "remedy"));

	if (style->colour)
		printf("  \033[%sm%-4s\033[0m %-*s", sgr, mark, COLUMN_TEXT - 7,
		       text_of(row, "name"));
	else
		printf("  %-4s %-*s", mark, COLUMN_TEXT - 7, text_of(row, "name"));
	text_wrap(stdout, line, COLUMN_TEXT, style->width);
	if (is(row, "ok"))
		return;
	printf("%*s", COLUMN_TEXT, "");
	text_wrap(stdout, remedy, COLUMN_TEXT, style->width);
}

/* virtual and guest need the same: said once */
static void print_runtime(const json_t *report, const char *runtime, const char *heading,
			  const struct terminal_style *style)
{
	const json_t *rows = json_object_get(report, "probes"), *row;
	bool all = true;
	size_t i;

	json_array_foreach (rows, i, row) {
		if (needed_by(row, runtime) && !is(row, "ok"))
			all = false;
	}
	printf("%s: %s\n", heading,
	       !works(rows, runtime) ? "does not work here"
	       : all		     ? "works"
				     : "works; what needs the rest will be skipped");
	json_array_foreach (rows, i, row) {
		if (needed_by(row, runtime))
			print_row(row, style);
	}
}

/** cmd_doctor() - dupack doctor */
int cmd_doctor(int argc, char **argv)
{
	const struct terminal_style style = cmd_style(STDOUT_FILENO);
	const char *preset = runtime_names[RUNTIME_VIRTUAL];
	bool json = false;
	json_t *report;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &json);
	report = examine();
	if (json) {
		cmd_print_json(report);
	} else {
		print_runtime(report, preset, "runtimes virtual and guest", &style);
		putchar('\n');
		print_runtime(report, runtime_names[RUNTIME_HOST], "runtime host", &style);
	}
	status = works(json_object_get(report, "probes"), preset) ? 0 : EXIT_HARNESS;
	json_decref(report);
	return cmd_finish(status);
}
