// SPDX-License-Identifier: Apache-2.0
/*
 * A target is asked once for each role that it has in the run, in the first pair that
 * has it in that role; one guest asks all that are new in its pair.  Each probe has a
 * process of its own, as an execution has (process/pool).
 */
#include "target-probe.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/home.h"
#include "base/io.h"
#include "base/units.h"
#include "guest/guest.h"
#include "lab/lab.h"
#include "lab/pair.h"
#include "process/pool.h"
#include "spec/name.h"
#include "spec/runlist.h"
#include "spec/target.h"

#define SEED	1
#define WALL_NS (60 * NS_PER_S) /* of a guest: who never sleeps in it is broken */
#define POOL_NS (180 * NS_PER_S) /* on the host every deadline of the contract may pass */

struct probes {
	struct probe_item *items;
	size_t len;
	const struct probe_options *options;
	size_t *jobs; /* items that have something to ask; owned */
	size_t jobs_len;
};

static const struct target *who(const struct probe_item *item, int m)
{
	return pair_member_target(item->targets, (enum member)m);
}

/* Of a run all can; one that is asked alone may have one role only */
static bool can(const struct probe_item *item, int m)
{
	const struct target *t = who(item, m);

	return t && strings_have(&t->roles, pair_members[m].target == PAIR_CARRIER
						    ? "carrier"
						    : pair_members[m].role);
}

static bool same(const struct probe_item *a, int m, const struct probe_item *b, int n)
{
	return strcmp(who(a, m)->name, who(b, n)->name) == 0 &&
	       strcmp(pair_members[m].role, pair_members[n].role) == 0;
}

/* Is this one asked in an item before @item, or by a member before it? */
static bool asked(const struct probe_item *items, const struct probe_item *item, int m)
{
	for (const struct probe_item *i = items; i <= item; i++)
		for (int n = 0; n < MEMBER_COUNT; n++)
			if (i->pair && i->members & 1U << n && same(i, n, item, m))
				return true;
	return false;
}

/* Quadratic in what is run; comparing names is cheap beside running it */
static void choose(struct probes *p)
{
	for (size_t i = 0; i < p->len; i++) {
		struct probe_item *item = &p->items[i];

		for (int m = 0; item->pair && m < MEMBER_COUNT; m++)
			if (can(item, m) && !asked(p->items, item, m))
				item->members |= 1U << m;
		if (item->members)
			p->jobs[p->jobs_len++] = i;
	}
}

static char *folder_of(const struct probes *p, const struct probe_item *item)
{
	AUTO_FREE char *name = run_folder_name(item->pair->text);

	return io_printf("%s/%s", p->options->folder, name);
}

/* Nobody could be asked: the same of all */
static int write_failure(const struct probe_item *item, const char *folder, const struct err *why,
			 struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/execution.json", folder);
	AUTO_FREE char *text = NULL;
	json_t *list = json_array();

	for (int m = 0; m < MEMBER_COUNT; m++)
		if (item->members & 1U << m)
			json_array_append_new(
				list, json_pack("{s:i, s:{s:s, s:s}}", "member", m, "error", "kind",
						err_kind_name(why->kind), "text", why->text));
	text = json_dumps(list, JSON_INDENT(2));
	json_decref(list);
	return text ? io_write_file(path, text, strlen(text), err)
		    : err_set(err, ENOMEM, "no memory");
}

/* In the worker */
static int run_probe(void *ctx, size_t job, struct err *err)
{
	const struct probes *p = ctx;
	const struct probe_item *item = &p->items[p->jobs[job]];
	AUTO_FREE char *folder = folder_of(p, item);
	struct choice router = { 0 };
	const struct runtime_job runtime = {
		.home = p->options->home,
		.runtime = p->options->runtime,
		.parts = item->parts,
		.targets = item->targets,
		.wall_limit_ns = WALL_NS,
	};
	const struct lab_job lab = {
		.pair = item->pair,
		.middlebox = &router,
		.seed = SEED,
		.targets_dir = p->options->home->targets,
		.built_dir = p->options->home->built,
		.folder = folder,
		.virtual_time = p->options->runtime == RUNTIME_VIRTUAL,
		.probe = item->members,
	};
	struct err why = { 0 };
	int rc = 0;

	if (choice_parse("router", &router, err) || io_mkdirs(folder, err))
		return -1;
	if (runtime_execute(&runtime, &lab, &why))
		rc = write_failure(item, folder, &why, err);
	choice_release(&router);
	return rc;
}

static uint64_t limit(void *ctx, size_t job)
{
	(void)ctx, (void)job;
	return POOL_NS;
}

/* What one that was asked in @asker says of itself holds for every item that has it */
static void tell(struct probes *p, const struct probe_item *asker, int m, enum err_kind kind,
		 const char *text)
{
	AUTO_FREE char *folder = folder_of(p, asker);

	for (size_t i = 0; i < p->len; i++)
		for (int n = 0; p->items[i].pair && n < MEMBER_COUNT; n++) {
			struct probe_item *item = &p->items[i];

			if (err_is_set(&item->why) || !who(item, n) || !same(asker, m, item, n))
				continue;
			if (kind == ERR_HARNESS)
				err_set_kind(&item->why, kind, "%s", text);
			else
				err_set_kind(&item->why, kind,
					     "target '%s' does not conform as %s, so it is not "
					     "run: %s (in %s)",
					     who(item, n)->name, pair_members[n].role, text,
					     folder);
		}
}

static enum err_kind kind_of(const char *name)
{
	static const enum err_kind kinds[] = { ERR_TARGET, ERR_SKIP };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(err_kind_name(kinds[i]), name) == 0)
			return kinds[i];
	return ERR_HARNESS;
}

static void probe_started(void *ctx, size_t job)
{
	(void)ctx, (void)job;
}

static void probe_ended(void *ctx, size_t job, const char *how)
{
	struct probes *p = ctx;
	const struct probe_item *asker = &p->items[p->jobs[job]];
	AUTO_FREE char *folder = folder_of(p, asker);
	AUTO_FREE char *path = io_printf("%s/execution.json", folder);
	json_t *list = how ? NULL : json_load_file(path, 0, NULL), *entry;
	size_t i;

	for (int m = 0; !list && m < MEMBER_COUNT; m++)
		if (asker->members & 1U << m)
			tell(p, asker, m, ERR_HARNESS, how ? how : "the probe left no result");
	json_array_foreach (list, i, entry) {
		const json_t *error = json_object_get(entry, "error");
		const char *kind = json_string_value(json_object_get(error, "kind"));

		/* over another carriage the machine may lack nothing: the execution will tell */
		if (kind && kind_of(kind) != ERR_SKIP)
			tell(p, asker, (int)json_integer_value(json_object_get(entry, "member")),
			     kind_of(kind), json_string_value(json_object_get(error, "text")));
	}
	json_decref(list);
}

/**
 * probe_items() - Ask every target of what is to be run whether it keeps its contract
 * @items:	Their .why is set if a target of theirs does not conform (ERR_TARGET)
 * @len:	How many
 * @options:	How, and where to
 * @err:	Set on failure: ERR_INTERRUPTED, ERR_HARNESS
 *
 * Return: 0 or -1
 */
int probe_items(struct probe_item *items, size_t len, const struct probe_options *options,
		struct err *err)
{
	struct probes p = {
		.items = items,
		.len = len,
		.options = options,
		.jobs = calloc(len + 1, sizeof(*p.jobs)),
	};
	struct pool pool = {
		.width = options->jobs,
		.interrupt_fd = options->interrupt_fd,
		.run = run_probe,
		.limit_ns = limit,
		.started = probe_started,
		.ended = probe_ended,
		.ctx = &p,
	};
	int rc;

	if (!p.jobs)
		return err_set(err, ENOMEM, "cannot probe %zu", len);
	choose(&p);
	pool.len = p.jobs_len;
	rc = pool.len ? pool_run(&pool, err) : 0;
	free(p.jobs);
	return rc;
}

/* --- one target alone --------------------------------------------------------------------- */

/* A pair of it with itself, by which the laboratory knows it; nobody else runs */
static int alone(const struct target *t, struct pair *ret, struct err *err)
{
	const char *carriage = strings_have(&t->roles, "carrier") ? t->name : t->carriages.v[0];
	AUTO_FREE char *text = io_printf("%s@%s", t->name, carriage);

	return pair_parse(text, ret, err);
}

/* What came of each role; -1 if it does not conform in one */
static int tell_roles(const char *folder, probe_answer answer, void *ctx)
{
	AUTO_FREE char *path = io_printf("%s/execution.json", folder);
	json_t *list = json_load_file(path, 0, NULL), *entry;
	int rc = 0;
	size_t i;

	json_array_foreach (list, i, entry) {
		const json_t *error = json_object_get(entry, "error");
		const char *kind = json_string_value(json_object_get(error, "kind"));
		int m = (int)json_integer_value(json_object_get(entry, "member"));
		struct err why = { 0 };

		if (kind)
			err_set_kind(&why, kind_of(kind), "%s",
				     json_string_value(json_object_get(error, "text")));
		if (kind && why.kind != ERR_SKIP)
			rc = -1;
		answer(ctx,
		       m == MEMBER_CLIENT_CARRIER    ? "carrier of a client"
		       : m == MEMBER_HEADEND_CARRIER ? "carrier of a headend"
						     : pair_members[m].role,
		       &why);
	}
	json_decref(list);
	return rc;
}

static int ask_alone(struct probe_item *item, const struct probe_options *options,
		     probe_answer answer, void *ctx, struct err *err)
{
	struct probes one = { .items = item, .len = 1, .options = options };
	AUTO_FREE char *folder = folder_of(&one, item);

	if (probe_items(item, 1, options, err))
		return -1;
	if (!tell_roles(folder, answer, ctx))
		return 0;
	return err_set_kind(err, ERR_TARGET, "'%s' does not conform; what it said is in '%s'",
			    item->pair->client, folder);
}

/**
 * probe_target() - Ask one target, in each role that it has
 * @dir:	Its folder
 * @options:	How
 * @answer:	Told what came of each role
 * @ctx:	Given to it
 * @err:	Set if it does not conform in some role, or could not be asked
 *
 * Return: 0 if it conforms, or this machine lacks something of it; or -1
 */
int probe_target(const char *dir, const struct probe_options *options, probe_answer answer,
		 void *ctx, struct err *err)
{
	AUTO_FREE char *real = realpath(dir, NULL);
	AUTO_FREE char *above = io_printf("%s/..", real ? real : dir);
	AUTO_FREE char *targets_dir = realpath(above, NULL);
	AUTO_TARGET struct target *t = spec_target_load(real ? real : dir, err);
	AUTO_PAIR_TARGETS struct pair_targets targets = { 0 };
	struct home home = *options->home;
	struct probe_options ours = *options;
	struct guest_parts parts = { 0 };
	struct pair pair = { 0 };
	struct probe_item item = { .pair = &pair, .targets = &targets };
	int rc = -1;

	home.targets = targets_dir;
	ours.home = &home;
	if (!t || alone(t, &pair, err))
		return -1;
	if (!spec_pair_members(&pair, targets_dir, &targets, err)) {
		if (runtime_has_guest(options->runtime))
			item.parts = &parts;
		if (!item.parts ||
		    !guest_prepare(&home, &targets, NULL, options->interrupt_fd, &parts, err))
			rc = ask_alone(&item, &ours, answer, ctx, err);
		guest_parts_release(&parts);
	}
	pair_release(&pair);
	return rc;
}
