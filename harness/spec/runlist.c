// SPDX-License-Identifier: Apache-2.0
/*
 * Selectors are resolved to files, files loaded in the order of their names,
 * and the product is written out.  Two cases of a list must not have the same
 * id: the folders of their results would be one.
 *
 * Linear searches throughout: a run has some hundreds of cases.
 */
#include "spec/runlist.h"

#include <ctype.h>
#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "spec/peers.h"
#include "spec/target.h"

#define REPEAT_MAX 1000000

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A link to a folder may lead around in a circle */
static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t len = strlen(text), n = strlen(suffix);

	return len > n && strcmp(text + len - n, suffix) == 0;
}

/* --- folders, sorted by byte value, whatever the locale is ----------------- */

struct listing {
	char **names;
	size_t len;
};

static void listing_release(struct listing *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->names[i]);
	free(l->names);
}
#define AUTO_LISTING __attribute__((cleanup(listing_release)))

static void listing_add(struct listing *l, const char *name)
{
	l->names = reallocarray(l->names, l->len + 1, sizeof(*l->names));
	if (!l->names)
		abort();
	l->names[l->len++] = io_printf("%s", name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The folders in @dir, or the case files without their .yaml */
static struct listing listing_read(const char *dir, bool folders)
{
	AUTO_CLOSEDIR DIR *d = opendir(dir);
	struct listing l = { 0 };
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		AUTO_FREE char *path = io_printf("%s/%s", dir, e->d_name);

		if (e->d_name[0] == '.')
			continue;
		if (folders && is_folder(path) && !is_link(path))
			listing_add(&l, e->d_name);
		if (!folders && is_file(path) && has_suffix(e->d_name, ".yaml")) {
			listing_add(&l, e->d_name);
			*strrchr(l.names[l.len - 1], '.') = '\0';
		}
	}
	if (l.len)
		qsort(l.names, l.len, sizeof(*l.names), by_name);
	return l;
}

/* --- selection ------------------------------------------------------------ */

/* The same file twice is one case; two files with one id are an error */
static int add_case(struct run_list *list, const char *path, struct err *err)
{
	AUTO_CASE struct spec_case *c = spec_case_load(path, err);

	if (!c)
		return -1;
	for (size_t i = 0; i < list->cases_len; i++) {
		struct stat a, b;

		if (strcmp(list->cases[i]->id, c->id) != 0)
			continue;
		if (stat(list->cases[i]->file, &a) == 0 && stat(path, &b) == 0 &&
		    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return 0;
		return err_set_kind(err, ERR_USAGE,
				    "'%s' and '%s' have the same name, and one folder of results: "
				    "rename one of them",
				    list->cases[i]->file, path);
	}
	list->cases = reallocarray(list->cases, list->cases_len + 1, sizeof(struct spec_case *));
	if (!list->cases)
		abort();
	list->cases[list->cases_len++] = steal_ptr(&c);
	return 0;
}

/* All cases of a folder, then those of the folders in it */
static int add_folder(struct run_list *list, const char *dir, struct err *err)
{
	AUTO_LISTING struct listing files = listing_read(dir, false);
	AUTO_LISTING struct listing folders = listing_read(dir, true);

	for (size_t i = 0; i < files.len; i++) {
		AUTO_FREE char *path = io_printf("%s/%s.yaml", dir, files.names[i]);

		if (add_case(list, path, err))
			return -1;
	}
	for (size_t i = 0; i < folders.len; i++) {
		AUTO_FREE char *path = io_printf("%s/%s", dir, folders.names[i]);

		if (add_folder(list, path, err))
			return -1;
	}
	return 0;
}

static int select_folder(struct run_list *list, const char *dir, struct err *err)
{
	size_t before = list->cases_len;
	AUTO_LISTING struct listing files = listing_read(dir, false);

	if (add_folder(list, dir, err))
		return -1;
	if (list->cases_len == before && !files.len)
		return err_set_kind(
			err, ERR_USAGE,
			"no case in '%s': name a series, SERIES/CASE, a file or a folder", dir);
	return 0;
}

static int unknown(const char *kind, const char *word, const char *where,
		   const struct listing *there, struct err *err)
{
	const char *near = name_near(word, (const char *const *)there->names, there->len);
	AUTO_FREE char *list = name_list((const char *const *)there->names, there->len);

	if (near)
		return err_set_kind(err, ERR_USAGE,
				    "no %s '%.60s' in '%s': did you mean '%s'? there are: %s", kind,
				    word, where, near, list);
	return err_set_kind(err, ERR_USAGE, "no %s '%.60s' in '%s': there are: %s", kind, word,
			    where, there->len ? list : "none");
}

/* Neither series, case, file nor folder: say what exists */
static int unknown_selector(const char *cases_dir, const char *selector, struct err *err)
{
	AUTO_FREE char *copy = io_printf("%s", selector);
	AUTO_FREE char *series = NULL;
	char *slash = strchr(copy, '/');

	if (slash && slash > copy && !has_suffix(selector, ".yaml")) {
		*slash = '\0';
		series = io_printf("%s/%s", cases_dir, copy);
		if (is_folder(series)) {
			AUTO_LISTING struct listing there = listing_read(series, false);

			return unknown("case", slash + 1, series, &there, err);
		}
	}
	if (has_suffix(selector, ".yaml"))
		return err_set_kind(err, ERR_USAGE, "no case file '%s'", selector);

	AUTO_LISTING struct listing there = listing_read(cases_dir, true);

	return unknown("series", copy, cases_dir, &there, err);
}

static int select_cases(struct run_list *list, const char *cases_dir, const char *selector,
			struct err *err)
{
	AUTO_FREE char *series = io_printf("%s/%s", cases_dir, selector);
	AUTO_FREE char *one = io_printf("%s/%s.yaml", cases_dir, selector);

	bool name = isalnum((unsigned char)*selector); /* not a path such as "../x" */

	if (name && is_folder(series))
		return select_folder(list, series, err);
	if (name && is_file(one))
		return add_case(list, one, err);
	if (is_folder(selector))
		return select_folder(list, selector, err);
	if (is_file(selector))
		return add_case(list, selector, err);
	return unknown_selector(cases_dir, selector, err);
}

/* --- expansion ------------------------------------------------------------ */

/**
 * run_folder_name() - A text as one folder's name
 * @text:	A pair or a middlebox as written
 *
 * Letters, digits and @.,=_- stay, ':' becomes '+', '/' '~', all else '_'.  What
 * pair_parse() and choice_parse() accept stays distinct.
 *
 * Return: the name, to be freed by the caller
 */
char *run_folder_name(const char *text)
{
	char *name = io_printf("%s", text);

	for (char *p = name; *p; p++) {
		if (*p == ':')
			*p = '+';
		else if (*p == '/')
			*p = '~';
		else if (!isalnum((unsigned char)*p) && !strchr("@.,=_-", *p))
			*p = '_';
	}
	return name;
}

static void add_item(struct run_list *list, struct run_item item, bool many_seeds)
{
	AUTO_FREE char *pair = run_folder_name(item.pair->text);
	AUTO_FREE char *middlebox = run_folder_name(item.middlebox->text);

	/* of many seeds each has its folder: an id has no '@', so it meets no other case */
	if (many_seeds)
		item.folder = io_printf("%s/%s/%s@%llu", pair, middlebox, item.c->id,
					(unsigned long long)item.seed);
	else
		item.folder = io_printf("%s/%s/%s", pair, middlebox, item.c->id);
	list->items = reallocarray(list->items, list->len + 1, sizeof(item));
	if (!list->items)
		abort();
	list->items[list->len++] = item;
}

static bool has_profile(const struct spec_case *c, uint32_t profiles)
{
	for (size_t i = 0; i < c->profiles_len; i++)
		if (profiles >> c->profiles[i] & 1)
			return true;
	return false;
}

static void add_seeds(struct run_list *list, const struct run_request *r, const struct spec_case *c,
		      const struct pair *pair, const struct choice *middlebox, uint64_t *position)
{
	unsigned repeat = r->repeat ? r->repeat : 1;

	for (unsigned n = 0; n < repeat; n++) {
		struct run_item item = { c, pair, middlebox, r->seed + n, NULL };

		if ((*position)++ % (r->shards ? r->shards : 1) == (r->shards ? r->shard - 1 : 0))
			add_item(list, item, repeat > 1);
	}
}

static bool named_pair(const struct run_list *list, const struct pair *pair)
{
	for (size_t i = 0; i < list->pairs_len; i++)
		if (strcmp(list->pairs[i].text, pair->text) == 0)
			return true;
	return false;
}

static bool named_middlebox(const struct run_list *list, const struct choice *middlebox)
{
	for (size_t i = 0; i < list->middleboxes_len; i++)
		if (strcmp(list->middleboxes[i].text, middlebox->text) == 0)
			return true;
	return !list->middleboxes_len;
}

static void expand_case(struct run_list *list, const struct run_request *r,
			const struct spec_case *c, uint64_t *position)
{
	bool own = r->matrix && !c->profiles_len; /* only what the case itself names */
	bool own_pairs = own || !list->pairs_len, own_boxes = own || !list->middleboxes_len;
	const struct pair *pairs = own_pairs ? c->pairs : list->pairs;
	size_t pairs_len = own_pairs ? c->pairs_len : list->pairs_len;
	const struct choice *boxes = own_boxes ? c->middleboxes : list->middleboxes;
	size_t boxes_len = own_boxes ? c->middleboxes_len : list->middleboxes_len;

	for (size_t p = 0; p < pairs_len; p++) {
		if (own ? !named_pair(list, &pairs[p])
			: r->matrix && !has_profile(c, list->profiles[p]))
			continue;
		for (size_t m = 0; m < boxes_len; m++)
			if (!own || named_middlebox(list, &boxes[m]))
				add_seeds(list, r, c, &pairs[p], &boxes[m], position);
	}
}

/* What the last case is for: it is the only one, or all are like it */
static char *why_nothing(const struct run_list *list)
{
	const struct spec_case *c = list->cases_len ? list->cases[list->cases_len - 1] : NULL;
	const char *only = list->pairs_len == 1 ? list->pairs[0].text : "what was asked for";
	bool own = c && !c->profiles_len;
	AUTO_FREE char *those = io_printf("%s", "");

	if (!c)
		return io_printf("no case has profiles: name one");
	for (size_t i = 0; i < (own ? c->pairs_len : c->profiles_len); i++) {
		char *longer = io_printf("%s%s%s", those, i ? ", " : "",
					 own ? c->pairs[i].text : profile_names[c->profiles[i]]);

		free(those);
		those = longer;
	}
	return io_printf("%s/%s is for the %s %s%s, not for %s", c->series, c->id,
			 own ? "pairs" : "profiles", those, own ? " behind its own devices" : "",
			 only);
}

static int check_unique(const char *const *words, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(words[i], words[j]) == 0)
				return err_set_kind(err, ERR_USAGE,
						    "'%.60s' is named twice: keep one", words[i]);
	return 0;
}

static void add_pair(struct run_list *list, struct pair *pair)
{
	list->pairs = reallocarray(list->pairs, list->pairs_len + 1, sizeof(*list->pairs));
	if (!list->pairs)
		abort();
	list->pairs[list->pairs_len++] = *pair;
	*pair = (struct pair){ 0 };
}

/* Every pair that the targets form and that fits; two patterns may fit the same one */
static int add_fitting(struct run_list *list, const char *pattern, const char *targets_dir,
		       struct err *err)
{
	AUTO_TARGET_LIST struct target_list targets = { 0 };
	AUTO_PAIR_LIST struct pair_list pairs = { 0 };
	bool fits = false;

	if (target_list_load(targets_dir, &targets, err))
		return -1;
	pair_list_form(&targets, false, &pairs);
	for (size_t i = 0; i < pairs.len; i++) {
		if (fnmatch(pattern, pairs.v[i].text, 0))
			continue;
		fits = true;
		if (!named_pair(list, &pairs.v[i]))
			add_pair(list, &pairs.v[i]);
	}
	return fits ? 0
		    : err_set_kind(err, ERR_USAGE,
				   "no pair fits '%.80s': 'dupack list pairs' prints them",
				   pattern);
}

static int parse_pairs(struct run_list *list, const struct run_request *r, struct err *err)
{
	if (check_unique(r->pairs, r->pairs_len, err))
		return -1;
	for (size_t i = 0; i < r->pairs_len; i++) {
		struct pair pair = { 0 };

		if (r->targets_dir && strpbrk(r->pairs[i], "*?")) {
			if (add_fitting(list, r->pairs[i], r->targets_dir, err))
				return -1;
			continue;
		}
		if (pair_parse(r->pairs[i], &pair, err))
			return -1;
		if (!named_pair(list, &pair))
			add_pair(list, &pair);
		pair_release(&pair);
	}
	return r->matrix && !r->pairs_len ? add_fitting(list, "*", r->targets_dir, err) : 0;
}

static int find_profiles(struct run_list *list, const char *targets_dir, struct err *err)
{
	list->profiles = calloc(list->pairs_len + 1, sizeof(*list->profiles));
	if (!list->profiles)
		abort();
	for (size_t i = 0; i < list->pairs_len; i++) {
		AUTO_PAIR_TARGETS struct pair_targets targets = { 0 };
		const struct pair *pair = &list->pairs[i];

		if (spec_pair_targets(pair, targets_dir, &targets, err))
			return err_wrap(err, "--pair %s", pair->text);
		list->profiles[i] = peers_profiles(&targets, pair->carriage.name);
	}
	return 0;
}

static int parse_overrides(struct run_list *list, const struct run_request *r, struct err *err)
{
	list->middleboxes = calloc(r->middleboxes_len + 1, sizeof(*list->middleboxes));
	if (!list->middleboxes)
		abort();
	if (parse_pairs(list, r, err) || check_unique(r->middleboxes, r->middleboxes_len, err))
		return -1;
	for (; list->middleboxes_len < r->middleboxes_len; list->middleboxes_len++)
		if (choice_parse(r->middleboxes[list->middleboxes_len],
				 &list->middleboxes[list->middleboxes_len], err))
			return -1;
	return r->matrix ? find_profiles(list, r->targets_dir, err) : 0;
}

/* Without a selector a matrix is made of what is meant for one */
static void drop_fixed_cases(struct run_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->cases_len; i++) {
		if (list->cases[i]->profiles_len)
			list->cases[kept++] = list->cases[i];
		else
			spec_case_free(list->cases[i]);
	}
	list->cases_len = kept;
}

/**
 * run_list_build() - Select the cases and write out the executions
 * @request:	What the user asked for
 * @ret:	Set on success, zeroed on failure; release with run_list_release()
 * @err:	Set on failure: ERR_USAGE for an unknown selector or an invalid case
 *
 * Order: selectors as given, cases of one by name, then pairs, middleboxes and
 * seeds.  A shard may be empty.
 *
 * Return: 0 or -1
 */
int run_list_build(const struct run_request *request, struct run_list *ret, struct err *err)
{
	AUTO_RUN_LIST struct run_list list = { 0 };
	uint64_t position = 0;

	memset(ret, 0, sizeof(*ret));
	if (request->repeat > REPEAT_MAX)
		return err_set_kind(err, ERR_USAGE, "%u repetitions are too many: at most %d",
				    request->repeat, REPEAT_MAX);
	if (parse_overrides(&list, request, err))
		return -1;
	for (size_t i = 0; i < request->selectors_len; i++)
		if (select_cases(&list, request->cases_dir, request->selectors[i], err))
			return -1;
	if (!request->selectors_len && select_folder(&list, request->cases_dir, err))
		return -1;
	if (request->matrix && !request->selectors_len)
		drop_fixed_cases(&list);
	for (size_t i = 0; i < list.cases_len; i++)
		expand_case(&list, request, list.cases[i], &position);
	if (request->matrix && !list.len && !position)
		list.nothing = why_nothing(&list);
	*ret = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

/** run_list_release() - Free a run list and the cases that its items point to */
void run_list_release(struct run_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->items[i].folder);
	for (size_t i = 0; i < list->cases_len; i++)
		spec_case_free(list->cases[i]);
	for (size_t i = 0; i < list->pairs_len; i++)
		pair_release(&list->pairs[i]);
	for (size_t i = 0; i < list->middleboxes_len; i++)
		choice_release(&list->middleboxes[i]);
	free(list->items);
	free(list->nothing);
	free(list->profiles);
	free(list->cases);
	free(list->pairs);
	free(list->middleboxes);
	memset(list, 0, sizeof(*list));
}

/**
 * run_list_shard_parse() - Parse I/N
 * @text:	For example "2/4": the second of four parts
 * @ret_shard:	I, from 1
 * @ret_shards:	N
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int run_list_shard_parse(const char *text, unsigned *ret_shard, unsigned *ret_shards,
			 struct err *err)
{
	AUTO_FREE char *copy = io_printf("%s", text);
	char *slash = strchr(copy, '/');
	uint64_t i, n;

	if (slash)
		*slash++ = '\0';
	if (!slash || units_count(copy, &i) || units_count(slash, &n) || i < 1 || i > n ||
	    n > 10000)
		return err_set_kind(err, ERR_USAGE,
				    "'%.60s' is not a shard: write I/N, for example 2/4", text);
	*ret_shard = (unsigned)i;
	*ret_shards = (unsigned)n;
	return 0;
}
