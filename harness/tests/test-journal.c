// SPDX-License-Identifier: Apache-2.0
/* journal: what makes a run the same run, and which of its executions are done. */
#include "journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/home.h"
#include "spec/runlist.h"
#include "tests/spec-files.h"
#include "tests/tap.h"

static struct home home = {
	.binary = (char *)"bin",
	.cases = (char *)"cases",
	.targets = (char *)"targets",
	.built = (char *)"build",
};

/* The identity of the list of a request, owned by the caller */
static json_t *identity(uint64_t seed, const char *pair, unsigned shards, const char *runtime)
{
	const struct run_request r = { .cases_dir = "cases",
				       .pairs = &pair,
				       .pairs_len = 1,
				       .seed = seed,
				       .repeat = 2,
				       .shard = shards ? 1 : 0,
				       .shards = shards };
	AUTO_RUN_LIST struct run_list list = { 0 };
	struct err err = { 0 };
	json_t *id;

	if (run_list_build(&r, &list, &err))
		abort();
	id = journal_identity(&home, &list, runtime, &err);
	if (!id)
		printf("# %s\n", err.text);
	return id;
}

static void expect_match(json_t *id, const char *want, const char *name)
{
	struct err err = { 0 };
	int rc = journal_match("out", id, &err);

	json_decref(id);
	tap_str(rc ? err.text : "", want, "%s", name);
	tap_ok(!rc || err.kind == ERR_USAGE, "%s: kind", name);
}

#define REFUSED "cannot resume 'out', this is not the same run: "

static json_t *same(void)
{
	return identity(1, "a@x", 0, "virtual");
}

static void check_match(void)
{
	json_t *run = json_pack("{s:o}", "identity", same());
	char *text = json_dumps(run, 0);

	expect_match(same(),
		     "'out' holds no run to resume: give the folder of one, or --out to begin one",
		     "no run.json");
	files_text("out/run.json", text);
	free(text);
	json_decref(run);
	expect_match(same(), "", "the same");
	expect_match(identity(2, "a@x", 0, "virtual"), REFUSED "another --seed", "the seed");
	expect_match(identity(1, "a@x", 0, "host"), REFUSED "another --runtime", "the runtime");
	expect_match(identity(1, "a@x", 2, "virtual"),
		     REFUSED "other cases, pairs, middleboxes, --repeat or --shard", "a shard");
	expect_match(identity(3, "a@x", 2, "virtual"),
		     REFUSED "another --seed; other cases, pairs, middleboxes, --repeat or --shard",
		     "two things");
	expect_match(identity(1, "a:b@x", 0, "virtual"),
		     REFUSED "other cases, pairs, middleboxes, --repeat or --shard; a target that "
			     "has changed since",
		     "another pair has other targets");
}

/* One file at a time, there and back again */
static void check_files(void)
{
	static const struct {
		const char *file, *want;
	} rows[] = {
		{ "bin", REFUSED "another build of dupack" },
		{ "cases/s/two.yaml", REFUSED "a case file that has changed since" },
		{ "targets/a/target.yaml", REFUSED "a target that has changed since" },
		{ "targets/a/target", REFUSED "a target that has changed since" },
		{ "targets/x/target", REFUSED "a target that has changed since" },
		{ "build/targets/x/carrier", REFUSED "a target that has changed since" },
		{ "targets/other/target", "" }, /* of no pair */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { 0 };
		AUTO_FREE char *before = io_read_file(rows[i].file, NULL, &err);
		AUTO_FREE char *changed = io_printf("%s# changed\n", before ? before : "");

		files_text(rows[i].file, changed);
		expect_match(same(), rows[i].want, rows[i].file);
		files_text(rows[i].file, before ? before : "");
	}
	expect_match(same(), "", "all as it was");
}

static void check_verdict(void)
{
	static const struct {
		const char *text, *name;
		bool done;
	} rows[] = {
		{ "{\"verdict\": \"pass\"}", "one that passed", true },
		{ "{\"verdict\": \"error\", \"error\": {\"kind\": \"target\"}}", "an error", true },
		{ "{\"verdict\": \"error\", \"error\": {\"kind\": \"interrupted\"}}",
		  "one that was interrupted", false },
		{ "{\"verdict\": \"pa", "one that was cut", false },
		{ "", "an empty one", false },
		{ "[]", "no verdict at all", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *verdict;

		files_text("out/p/verdict.json", rows[i].text);
		verdict = journal_verdict("out/p");
		tap_ok(!verdict == !rows[i].done, "%s is %sdone", rows[i].name,
		       rows[i].done ? "" : "not ");
		json_decref(verdict);
	}
	tap_ok(!journal_verdict("out/none"), "none is not done");
}

static void check_remove_tree(void)
{
	struct err err = { 0 };

	files_text("tree/a/b/c", "x");
	files_text("kept/file", "x");
	if (symlink("../kept", "tree/link"))
		abort();
	tap_is(io_remove_tree("tree", &err), 0, "a tree is removed");
	tap_ok(access("tree", F_OK) && !access("kept/file", F_OK), "and not what a link leads to");
	tap_is(io_remove_tree("tree", &err), 0, "once more is no error");
}

int main(void)
{
	files_begin();
	files_text("bin", "program\n");
	files_case("cases/s/one.yaml", 0, "");
	files_case("cases/s/two.yaml", 0, "");
	files_text("targets/a/target.yaml", "name: a\n");
	files_text("targets/a/target", "#!/bin/sh\n");
	files_text("targets/b/target", "#!/bin/sh\n");
	files_text("targets/x/target", "#!/bin/sh\n");
	files_text("targets/other/target", "#!/bin/sh\n");
	files_text("build/targets/x/carrier", "program\n");
	check_match();
	check_files();
	check_verdict();
	check_remove_tree();
	return tap_done();
}
