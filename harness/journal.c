// SPDX-License-Identifier: Apache-2.0
/*
 * The identity of a run is all that decides about its results: this program, the runtime,
 * the seeds, which executions there are, and the bytes of the cases and of the targets.
 * Where it is the same, a verdict of yesterday is the verdict of today.
 */
#include "journal.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/home.h"
#include "base/io.h"
#include "spec/runlist.h"

/* What each member says, where it is not the same */
static const struct {
	const char *key, *what;
} members[] = {
	{ "binary", "another build of dupack" },
	{ "runtime", "another --runtime" },
	{ "seed", "another --seed" },
	{ "executions", "other cases, pairs, middleboxes, --repeat or --shard" },
	{ "cases", "a case file that has changed since" },
	{ "targets", "a target that has changed since" },
};

static char *hex_of(const char *bytes, size_t len)
{
	char hex[65];

	return io_printf("%s", io_sha256(bytes, len, hex));
}

/* The digest of a text that is made up of digests, and the end of the text */
static json_t *seal(char **text)
{
	const char *bytes = *text ? *text : "";
	AUTO_FREE char *hex = hex_of(bytes, strlen(bytes));

	free(*text);
	*text = NULL;
	return json_string(hex);
}

static void append(char **text, const char *line)
{
	char *longer = io_printf("%s%s\n", *text ? *text : "", line);

	free(*text);
	*text = longer;
}

static int append_file(char **text, const char *path, struct err *err)
{
	size_t len;
	AUTO_FREE char *bytes = io_read_file(path, &len, err);
	AUTO_FREE char *hex = bytes ? hex_of(bytes, len) : NULL;

	if (!bytes)
		return -1;
	append(text, hex);
	return 0;
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* All files of a folder, by name; one that is not there has none */
static int append_folder(char **text, const char *dir, struct err *err)
{
	struct dirent **found = NULL;
	int n = scandir(dir, &found, is_visible, alphasort), rc = 0;

	for (int i = 0; i < n; i++) {
		AUTO_FREE char *path = io_printf("%s/%s", dir, found[i]->d_name);
		struct stat st;

		if (!rc && !stat(path, &st) && S_ISREG(st.st_mode)) {
			append(text, found[i]->d_name);
			rc = append_file(text, path, err);
		}
		free(found[i]);
	}
	free(found);
	return rc;
}

/* Is this the first item in which a target or a case of this name occurs? */
static bool is_new(json_t *seen, const char *name)
{
	if (json_object_get(seen, name))
		return false;
	json_object_set_new(seen, name, json_true());
	return true;
}

static json_t *digest_targets(const struct home *home, const struct run_list *list, struct err *err)
{
	json_t *seen = json_object();
	AUTO_FREE char *text = NULL;
	int rc = 0;

	for (size_t i = 0; i < list->len && !rc; i++) {
		const struct pair *pair = list->items[i].pair;
		const char *names[] = { pair->client, pair->headend, pair->carriage.name };

		for (size_t n = 0; n < ARRAY_SIZE(names) && !rc; n++) {
			AUTO_FREE char *dir = io_printf("%s/%s", home->targets, names[n]);
			AUTO_FREE char *built = io_printf("%s/targets/%s", home->built, names[n]);

			if (is_new(seen, names[n])) {
				append(&text, names[n]);
				rc = append_folder(&text, dir, err) ||
				     append_folder(&text, built, err);
			}
		}
	}
	json_decref(seen);
	return rc ? NULL : seal(&text);
}

static json_t *digest_cases(const struct run_list *list, struct err *err)
{
	json_t *seen = json_object();
	AUTO_FREE char *text = NULL;
	int rc = 0;

	for (size_t i = 0; i < list->len && !rc; i++)
		if (is_new(seen, list->items[i].c->file))
			rc = append_file(&text, list->items[i].c->file, err);
	json_decref(seen);
	return rc ? NULL : seal(&text);
}

/* Linear in the text of the list, not quadratic: a matrix has thousands of lines */
static json_t *digest_list(const struct run_list *list)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	for (size_t i = 0; i < list->len; i++) {
		const struct run_item *item = &list->items[i];

		fprintf(out, "%s/%s %s %s %llu\n", item->c->series, item->c->id, item->pair->text,
			item->middlebox->text,
			(unsigned long long)(item->seed - list->items[0].seed));
	}
	fclose(out);
	return seal(&text);
}

/**
 * journal_identity() - What a run is
 * @home:	Where program and targets are
 * @list:	The executions, at least one
 * @runtime:	Where they run
 * @err:	Set on failure: a file cannot be read
 *
 * Return: an object, owned by the caller, or NULL
 */
json_t *journal_identity(const struct home *home, const struct run_list *list, const char *runtime,
			 struct err *err)
{
	AUTO_FREE char *binary = NULL;
	json_t *cases, *targets;

	if (append_file(&binary, home->binary, err))
		return NULL;
	cases = digest_cases(list, err);
	targets = cases ? digest_targets(home, list, err) : NULL;
	if (!targets) {
		json_decref(cases);
		return NULL;
	}
	return json_pack("{s:o, s:s, s:I, s:o, s:o, s:o}", "binary", seal(&binary), "runtime",
			 runtime, "seed", (json_int_t)list->items[0].seed, "executions",
			 digest_list(list), "cases", cases, "targets", targets);
}

/**
 * journal_match() - Is the run in a folder this one?
 * @out:	The folder
 * @identity:	From journal_identity()
 * @err:	Set to ERR_USAGE if not, and what is different
 *
 * Return: 0 or -1
 */
int journal_match(const char *out, const json_t *identity, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/run.json", out);
	AUTO_FREE char *different = NULL;
	json_t *run = json_load_file(path, 0, NULL);
	const json_t *then = json_object_get(run, "identity");

	if (!json_is_object(then)) {
		json_decref(run);
		return err_set_kind(err, ERR_USAGE,
				    "'%s' holds no run to resume: give the folder of one, or --out "
				    "to begin one",
				    out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *key = members[i].key;
		char *longer;

		if (json_equal(json_object_get(then, key), json_object_get(identity, key)))
			continue;
		longer = io_printf("%s%s%s", different ? different : "", different ? "; " : "",
				   members[i].what);
		free(different);
		different = longer;
	}
	json_decref(run);
	return different ? err_set_kind(err, ERR_USAGE,
					"cannot resume '%s', this is not the same run: %s", out,
					different)
			 : 0;
}

/**
 * journal_verdict() - The verdict of an execution that is done
 * @folder:	Of the execution
 *
 * One that was interrupted is not done.
 *
 * Return: the verdict, owned by the caller, or NULL
 */
json_t *journal_verdict(const char *folder)
{
	AUTO_FREE char *path = io_printf("%s/verdict.json", folder);
	json_t *verdict = json_load_file(path, 0, NULL);
	const char *kind =
		json_string_value(json_object_get(json_object_get(verdict, "error"), "kind"));

	if (json_is_string(json_object_get(verdict, "verdict")) &&
	    !(kind && strcmp(kind, "interrupted") == 0))
		return verdict;
	json_decref(verdict);
	return NULL;
}
