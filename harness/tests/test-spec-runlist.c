// SPDX-License-Identifier: Apache-2.0
/* spec/runlist: selection, the product, its order, its folders, its parts. */
#include "spec/runlist.h"
#include "tests/spec-files.h"

/* The list as text: "CASE PAIR MIDDLEBOX SEED;..." */
static char *describe(const struct run_list *list)
{
	char *text = io_printf("%s", "");

	for (size_t i = 0; i < list->len; i++) {
		const struct run_item *item = &list->items[i];
		char *longer = io_printf("%s%s/%s %s %s %llu;", text, item->c->series, item->c->id,
					 item->pair->text, item->middlebox->text,
					 (unsigned long long)item->seed);

		free(text);
		text = longer;
	}
	return text;
}

static void expect_list(const struct run_request *r, const char *want, const char *name)
{
	AUTO_RUN_LIST struct run_list list = { 0 };
	AUTO_FREE char *got = NULL;
	struct err err = { 0 };

	if (!tap_ok(run_list_build(r, &list, &err) == 0, "%s: builds", name)) {
		printf("# %s\n", err.text);
		return;
	}
	got = describe(&list);
	tap_str(got, want, "%s", name);
}

static void expect_error(const struct run_request *r, const char *want, const char *name)
{
	AUTO_RUN_LIST struct run_list list = { 0 };
	struct err err = { 0 };

	tap_ok(run_list_build(r, &list, &err) == -1 && err.kind == ERR_USAGE && !list.len,
	       "%s: is refused", name);
	tap_str(err.text, want, "%s", name);
}

static void check_selection(void)
{
	static const struct {
		const char *selector, *want;
	} rows[] = {
		{ "lab", "lab/delay null router 1;" },
		{ "seed",
		  "seed/clean null router 1;seed/problem a@x router 1;"
		  "seed/problem a@x asa 1;seed/problem b@x router 1;seed/problem b@x asa 1;" },
		{ "seed/clean", "seed/clean null router 1;" },
		{ "cases/seed/clean.yaml", "seed/clean null router 1;" },
		{ "cases/lab", "lab/delay null router 1;" },
		{ "cases/lab/", "lab/delay null router 1;" },
		{ "./cases/../cases/lab", "lab/delay null router 1;" },
	};
	const char *both[] = { "seed/clean", "lab", "cases/seed/clean.yaml" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run_request r = { .cases_dir = "cases",
					 .selectors = &rows[i].selector,
					 .selectors_len = 1,
					 .seed = 1 };
		expect_list(&r, rows[i].want, rows[i].selector);
	}
	expect_list(&(struct run_request){ .cases_dir = "cases", .seed = 1 },
		    "lab/delay null router 1;seed/clean null router 1;seed/problem a@x router 1;"
		    "seed/problem a@x asa 1;seed/problem b@x router 1;seed/problem b@x asa 1;",
		    "no selector is all, in the order of names");
	expect_list(
		&(struct run_request){
			.cases_dir = "cases", .selectors = both, .selectors_len = 3, .seed = 1 },
		"seed/clean null router 1;lab/delay null router 1;",
		"selectors in their order, a case named twice is run once");
}

static void check_unknown(void)
{
	static const struct {
		const char *selector, *want;
	} rows[] = {
		{ "sed", "no series 'sed' in 'cases': did you mean 'seed'? there are: lab, seed" },
		{ "banana", "no series 'banana' in 'cases': there are: lab, seed" },
		{ "seed/cleam", "no case 'cleam' in 'cases/seed': did you mean 'clean'? there are: "
				"clean, problem" },
		{ "none/clean", "no series 'none' in 'cases': there are: lab, seed" },
		{ "x/y.yaml", "no case file 'x/y.yaml'" },
		{ "empty", "no case in 'empty': name a series, SERIES/CASE, a file or a folder" },
		{ "", "no series '' in 'cases': there are: lab, seed" },
		{ "/none", "no series '/none' in 'cases': there are: lab, seed" },
		{ "cases/README.md", "'cases/README.md' is not a case: name the file ID.yaml" },
		{ "bad/bad.yaml",
		  "bad/bad.yaml:7:7: '10' is not a duration: write a number and ns, us, ms, s, min "
		  "or h" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run_request r = { .cases_dir = "cases",
					 .selectors = &rows[i].selector,
					 .selectors_len = 1 };

		expect_error(&r, rows[i].want, rows[i].selector);
	}
	expect_error(&(struct run_request){ .cases_dir = "nowhere" },
		     "no case in 'nowhere': name a series, SERIES/CASE, a file or a folder",
		     "no folder of cases");
}

static void check_same_name(void)
{
	const char *two[] = { "seed/clean", "other/clean.yaml" };

	files_case("other/clean.yaml", 0, "");
	expect_error(
		&(struct run_request){ .cases_dir = "cases", .selectors = two, .selectors_len = 2 },
		"'cases/seed/clean.yaml' and 'other/clean.yaml' have the same name, and one "
		"folder of results: rename one of them",
		"two cases of one name");
}

static void check_overrides(void)
{
	const char *selector = "seed/problem";
	const char *pairs[] = { "c:d@y,k=v", "e" }, *boxes[] = { "asa,q=1" };
	const char *twice[] = { "e", "e" }, *bad[] = { "x y" };
	struct run_request r = { .cases_dir = "cases",
				 .selectors = &selector,
				 .selectors_len = 1,
				 .pairs = pairs,
				 .pairs_len = 2,
				 .middleboxes = boxes,
				 .middleboxes_len = 1,
				 .seed = 7,
				 .repeat = 2 };
	AUTO_RUN_LIST struct run_list list = { 0 };
	struct err err = { 0 };

	expect_list(&r,
		    "seed/problem c:d@y,k=v asa,q=1 7;seed/problem c:d@y,k=v asa,q=1 8;"
		    "seed/problem e asa,q=1 7;seed/problem e asa,q=1 8;",
		    "pairs, middlebox and seeds from the command line");
	if (run_list_build(&r, &list, &err))
		return;
	tap_str(list.items[1].folder, "c+d@y,k=v/asa,q=1/problem@8", "a folder for each seed");
	run_list_release(&list);
	r.repeat = 1;
	if (run_list_build(&r, &list, &err))
		return;
	tap_str(list.items[0].folder, "c+d@y,k=v/asa,q=1/problem", "the folder of one seed");
	r.pairs = twice;
	expect_error(&r, "'e' is named twice: keep one", "a pair twice");
	r.pairs = bad;
	r.pairs_len = 1;
	expect_error(&r, "'x y' is not a pair: write CLIENT[:HEADEND][@CARRIAGE][,KEY=VALUE]...",
		     "a bad pair");
	r.pairs_len = 0;
	r.middleboxes = bad;
	expect_error(&r, "'x y' is not a name: write letters, digits, '.', '_' and '-'",
		     "a bad middlebox");
	r.repeat = 2000000;
	expect_error(&r, "2000000 repetitions are too many: at most 1000000", "too many");
}

/* The parts are disjoint and together the whole */
static void check_shards(void)
{
	AUTO_RUN_LIST struct run_list whole = { 0 };
	struct run_request r = { .cases_dir = "cases", .seed = 1, .repeat = 3 };
	struct err err = { 0 };
	size_t sum = 0;
	bool same = true;

	if (run_list_build(&r, &whole, &err))
		return;
	r.shards = 4;
	for (r.shard = 1; r.shard <= r.shards; r.shard++) {
		AUTO_RUN_LIST struct run_list part = { 0 };

		if (run_list_build(&r, &part, &err))
			return;
		for (size_t i = 0; i < part.len; i++)
			same &= strcmp(part.items[i].folder,
				       whole.items[i * r.shards + r.shard - 1].folder) == 0;
		sum += part.len;
	}
	tap_is(whole.len, 18, "the whole");
	tap_is(sum, whole.len, "four shards together are the whole");
	tap_ok(same, "shard I takes each fourth from the I-th");
	r.shard = 100;
	r.shards = 100;

	AUTO_RUN_LIST struct run_list none = { 0 };

	tap_is(run_list_build(&r, &none, &err), 0, "a shard may be empty");
	tap_is(none.len, 0, "and is then");
}

static void check_shard_parse(void)
{
	static const char *const bad[] = { "",	 "1",  "0/4",  "5/4",	"1/0",	"a/b",
					   "1/", "/2", "-1/2", "1/2/3", "1 /2", "1/99999" };
	unsigned i = 0, n = 0;
	struct err err = { 0 };

	tap_ok(run_list_shard_parse("2/4", &i, &n, &err) == 0 && i == 2 && n == 4, "2/4");
	tap_ok(run_list_shard_parse("1/1", &i, &n, &err) == 0 && i == 1 && n == 1, "1/1");
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++)
		tap_ok(run_list_shard_parse(bad[k], &i, &n, &err) == -1 && err.kind == ERR_USAGE,
		       "shard '%s' is refused", bad[k]);
}

/* --- matrix ----------------------------------------------------------------- */

static void target(const char *name, const char *yaml)
{
	AUTO_FREE char *file = io_printf("targets/%s/target.yaml", name);
	AUTO_FREE char *program = io_printf("targets/%s/target", name);
	AUTO_FREE char *text = io_printf("name: %s\n%s", name, yaml);

	files_text(file, text);
	files_text(program, "#!/bin/sh\n");
	if (chmod(program, 0755))
		abort();
}

/*
 * swan speaks ikev2 and, as head-end, ikev1-xauth; goose is only a head-end, crane an old
 * client; what duck speaks nobody here knows, and teal speaks it too; decoy is none of a matrix
 */
static void make_targets(void)
{
	target("swan", "roles: [client, headend]\ncarriages: [esp, udp]\nspeaks: [ikev2]\n"
		       "answers: [ikev1-xauth]\n");
	target("goose", "roles: [headend]\ncarriages: [udp, esp, tcp]\nspeaks: [ikev2]\n");
	target("crane", "roles: [client]\ncarriages: [udp]\nspeaks: [ikev1-xauth]\n");
	target("duck", "roles: [client, headend]\ncarriages: [udp]\n");
	target("teal", "roles: [headend]\ncarriages: [udp]\nspeaks: [duck]\n");
	target("decoy", "roles: [client, headend]\ncarriages: [esp]\nspeaks: [ikev2]\n"
			"matrix: no\n");
}

static struct run_request matrix_of(const char *const *selectors, size_t len)
{
	return (struct run_request){ .cases_dir = "m",
				     .targets_dir = "targets",
				     .selectors = selectors,
				     .selectors_len = len,
				     .matrix = true,
				     .seed = 1 };
}

static void make_matrix_cases(void)
{
	files_case("m/b/any.yaml", 7, "profiles: [any]");
	files_case("m/b/fixed.yaml", 4, "pairs: [swan@esp, 'swan@esp,inner=udp']");
	files_case("m/b/ike.yaml", 7, "profiles: [ike, wg]");
}

static void check_matrix(void)
{
	static const char all[] = "b/any crane:swan@udp router 1;b/any duck@udp router 1;"
				  "b/any duck:teal@udp router 1;b/any swan:goose@esp router 1;"
				  "b/any swan:goose@udp router 1;b/any swan@esp router 1;"
				  "b/any swan@udp router 1;b/ike swan:goose@esp router 1;"
				  "b/ike swan:goose@udp router 1;b/ike swan@esp router 1;"
				  "b/ike swan@udp router 1;";
	const char *any = "b/any", *fixed = "b/fixed", *ike = "b/ike";
	const char *boxes[] = { "asa", "nat" }, *decoy[] = { "decoy@esp" };
	const char *some[] = { "swan*@esp", "*:goose@*", "swan@esp,inner=udp" };
	const char *wrong[] = { "swan:duck@udp" }, *none[] = { "coot*" };
	struct run_request r = matrix_of(NULL, 0);

	expect_list(&r, all, "every pair of the targets, and the cases that have profiles");
	r = matrix_of(&any, 1);
	r.middleboxes = boxes;
	r.middleboxes_len = 2;
	r.pairs = decoy;
	r.pairs_len = 1;
	expect_list(&r, "b/any decoy@esp asa 1;b/any decoy@esp nat 1;",
		    "every device that was asked for, and a pair that has to be named");
	r = matrix_of(&fixed, 1);
	expect_list(&r, "b/fixed swan@esp router 1;",
		    "without profiles only the pairs that it names");
	r.pairs = some;
	r.pairs_len = 3;
	expect_list(&r, "b/fixed swan@esp router 1;b/fixed swan@esp,inner=udp router 1;",
		    "with their options");
	r.middleboxes = boxes;
	r.middleboxes_len = 2;
	expect_list(&r, "", "and behind the devices that it names");
	r = matrix_of(&any, 1);
	r.pairs = some;
	r.pairs_len = 3;
	expect_list(&r,
		    "b/any swan:goose@esp router 1;b/any swan@esp router 1;"
		    "b/any swan:goose@udp router 1;b/any swan@esp,inner=udp router 1;",
		    "patterns of pairs, each pair once");
	r.matrix = false;
	expect_list(&r,
		    "b/any swan:goose@esp router 1;b/any swan@esp router 1;"
		    "b/any swan:goose@udp router 1;b/any swan@esp,inner=udp router 1;",
		    "which are no matter of a matrix");
	r = matrix_of(&ike, 1);
	r.pairs = wrong;
	r.pairs_len = 1;
	expect_error(&r,
		     "--pair swan:duck@udp: 'swan' speaks ikev2, and 'duck' speaks duck: no "
		     "pair",
		     "a pair without a common protocol");
	r.pairs = none;
	expect_error(&r, "no pair fits 'coot*': 'dupack list pairs' prints them",
		     "a pattern that fits nothing");
}

static void check_nothing(void)
{
	static const struct {
		const char *selector, *pair, *want;
	} rows[] = {
		{ "b/ike", "duck@udp", "b/ike is for the profiles ike, wg, not for duck@udp" },
		{ "b/fixed", "swan@udp",
		  "b/fixed is for the pairs swan@esp, swan@esp,inner=udp behind its own devices, "
		  "not for swan@udp" },
		{ "b/any", "duck@udp", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run_request r = matrix_of(&rows[i].selector, 1);
		AUTO_RUN_LIST struct run_list list = { 0 };
		struct err err = { 0 };

		r.pairs = &rows[i].pair;
		r.pairs_len = 1;
		r.shard = r.shards = 2; /* an empty shard is something else */
		tap_ok(!run_list_build(&r, &list, &err) && !list.len, "%s, nothing: builds",
		       rows[i].selector);
		if (rows[i].want)
			tap_str(list.nothing ? list.nothing : "", rows[i].want, "%s: why",
				rows[i].selector);
		else
			tap_ok(!list.nothing, "%s: only this shard is empty", rows[i].selector);
	}
}

static bool has_folder(const struct run_list *list, const char *folder)
{
	for (size_t i = 0; i < list->len; i++)
		if (strcmp(list->items[i].folder, folder) == 0)
			return true;
	return false;
}

/* Each cell of the whole is in exactly one shard */
static void check_matrix_shards(void)
{
	const char *boxes[] = { "asa", "nat", "router" };
	struct run_request r = matrix_of(NULL, 0);
	AUTO_RUN_LIST struct run_list whole = { 0 };
	size_t *seen, once = 0, sum = 0;
	struct err err = { 0 };

	r.middleboxes = boxes;
	r.middleboxes_len = 3;
	if (run_list_build(&r, &whole, &err))
		abort();
	seen = calloc(whole.len + 1, sizeof(*seen));
	if (!seen)
		abort();
	r.shards = 5;
	for (r.shard = 1; r.shard <= r.shards; r.shard++) {
		AUTO_RUN_LIST struct run_list part = { 0 };

		if (run_list_build(&r, &part, &err))
			abort();
		sum += part.len;
		for (size_t i = 0; i < whole.len; i++)
			seen[i] += has_folder(&part, whole.items[i].folder);
	}
	for (size_t i = 0; i < whole.len; i++)
		once += seen[i] == 1;
	free(seen);
	tap_is(whole.len, 33, "the whole matrix");
	tap_is(sum, whole.len, "five shards have as many");
	tap_is(once, whole.len, "and each is in one of them");
}

static void check_folder_names(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "strongswan@ctcp,retransmit=on", "strongswan@ctcp,retransmit=on" },
		{ "openconnect:ocserv@cstp", "openconnect+ocserv@cstp" },
		{ "a b/../c", "a_b~..~c" },
		{ "asa,match-client=10.0.0.0/8_::/0", "asa,match-client=10.0.0.0~8_++~0" },
		{ "a%\n\xc3\xa9", "a____" },
		{ "A-Z_0.9", "A-Z_0.9" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *got = run_folder_name(rows[i].text);

		tap_str(got, rows[i].want, "folder %zu", i + 1);
	}
}

int main(void)
{
	files_begin();
	files_text("cases/seed/problem.yaml",
		   "title: T\nrequirement: R\nclause: C\npairs: ['a@x', 'b@x']\n"
		   "middleboxes: [router, asa]\nexpect: [{metric: m, is: yes}]\n");
	files_case("cases/seed/clean.yaml", 0, "");
	files_case("cases/lab/delay.yaml", 0, "");
	files_text("cases/README.md", "not a case\n");
	files_text("cases/seed/.hidden.yaml", "not a case\n");
	files_text("cases/seed/notes.txt", "not a case\n");
	files_text("empty/README.md", "not a case\n");
	files_case("bad/bad.yaml", 7, "idle: 10");
	if (symlink("..", "cases/lab/around"))
		abort();
	check_selection();
	check_unknown();
	check_same_name();
	check_overrides();
	check_shards();
	check_shard_parse();
	check_folder_names();
	make_targets();
	make_matrix_cases();
	check_matrix();
	check_nothing();
	check_matrix_shards();
	return tap_done();
}
