// SPDX-License-Identifier: Apache-2.0
/*
 * The pipeline.  What happens to one execution is run_item(), a call a step:
 *
 *   folder -> execute (in a guest, or here) -> keys into captures -> execution.json
 *	  -> grade -> verdict.json
 *
 * Each execution has a process of its own, a worker: it may become root of a user
 * namespace, crash, or be killed, and the others go on.  Everything that a worker
 * starts dies with it, and a worker dies with us.
 */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/home.h"
#include "base/io.h"
#include "base/units.h"
#include "grade/grade.h"
#include "guest/guest.h"
#include "journal.h"
#include "lab/lab.h"
#include "middlebox/middlebox.h"
#include "observe/secrets.h"
#include "process/pool.h"
#include "report/matrix.h"
#include "spec/capability.h"
#include "spec/runlist.h"
#include "spec/target.h"
#include "target-probe.h"

#define SPARE_NS (30 * NS_PER_S) /* of a worker, beyond the limit of its case */

/** What belongs to an execution besides its item. */
struct plan {
	struct pair_targets targets; /* owned */
	const struct guest_parts *parts; /* NULL: no guest */
	struct err *why; /* it cannot be executed; owned, NULL: it can */
};

struct run {
	const struct run_list *list;
	const struct run_options *options;
	struct plan *plans; /* one an item; owned */
	struct guest_parts *parts; /* of each pair of targets and device that occurs; owned */
	size_t parts_len;
	json_t *identity; /* owned */
	json_t **verdicts; /* one an item, NULL until it has one; owned, each too */
	size_t *todo; /* items that are to be executed; owned */
	size_t todo_len;
	char today[16]; /* YYYY-MM-DD */
};

/* In real time a case takes what it says; in virtual time only its limit counts */
static uint64_t wall_limit(const struct spec_case *c, enum runtime runtime)
{
	uint64_t longest = 0;

	if (runtime == RUNTIME_VIRTUAL)
		return c->wall_limit_ns;
	for (size_t i = 0; i < c->traffic_len; i++) {
		const struct traffic *t = &c->traffic[i];
		uint64_t ns = t->start_ns + t->duration_ns + t->timeout_ns;

		longest = ns > longest ? ns : longest;
	}
	return c->wall_limit_ns + c->up_timeout_ns + longest + c->idle_ns;
}

/* --- one execution, in its worker ----------------------------------------------- */

static char *item_folder(const struct run *run, size_t i)
{
	return io_printf("%s/%s", run->options->out, run->list->items[i].folder);
}

static int write_json(const json_t *json, const char *folder, const char *name, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s", folder, name);
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	if (!text)
		return err_set(err, ENOMEM, "cannot write '%s'", path);
	return io_write_file(path, text, strlen(text), err);
}

static json_t *read_json(const char *folder, const char *name)
{
	AUTO_FREE char *path = io_printf("%s/%s", folder, name);

	return json_load_file(path, 0, NULL);
}

/* What execution.json says of an execution that did not get so far as to write it */
static json_t *failed_execution(const struct run_item *item, const struct err *why)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:s, s:{s:s, s:s}, s:n, s:{}, s:{}}",
			 "format", 1, "case", item->c->id, "series", item->c->series, "pair",
			 item->pair->text, "middlebox", item->middlebox->text, "seed",
			 (json_int_t)item->seed, "outcome", "failed", "error", "kind",
			 err_kind_name(why->kind), "text", why->text, "up", "times", "versions");
}

/* What only the outside knows */
static void annotate(const struct run *run, size_t i, json_t *execution, uint64_t wall_ns)
{
	const struct guest_parts *parts = run->plans[i].parts;
	json_t *versions = json_object_get(execution, "versions");

	json_object_set_new(execution, "runtime",
			    json_string(runtime_names[run->options->runtime]));
	json_object_set_new(execution, "wall_s", json_real((double)wall_ns / (double)NS_PER_S));
	if (!parts)
		return;
	json_object_set(versions, "kernel", parts->kernel_version);
	json_object_set(versions, "packages", parts->packages);
}

static int execute_lab(const struct run *run, size_t i, const struct lab_job *lab, struct err *err)
{
	const struct runtime_job job = {
		.home = run->options->home,
		.runtime = run->options->runtime,
		.parts = run->plans[i].parts,
		.targets = &run->plans[i].targets,
		.wall_limit_ns = wall_limit(lab->c, run->options->runtime),
	};

	return runtime_execute(&job, lab, err);
}

/* Leaves execution.json, complete, whatever happened */
static int execute(const struct run *run, size_t i, const char *folder, struct err *err)
{
	const struct run_item *item = &run->list->items[i];
	const struct lab_job lab = {
		.c = item->c,
		.pair = item->pair,
		.middlebox = item->middlebox,
		.seed = item->seed,
		.targets_dir = run->options->home->targets,
		.built_dir = run->options->home->built,
		.folder = folder,
		.virtual_time = run->options->runtime == RUNTIME_VIRTUAL,
	};
	AUTO_FREE char *keylog = io_printf("%s/keylog", folder);
	uint64_t begun = clock_ns();
	struct err why = { 0 };
	json_t *execution = NULL;
	int rc;

	if (run->plans[i].why)
		why = *run->plans[i].why;
	else if (!execute_lab(run, i, &lab, &why) && !secrets_embed(folder, keylog, &why)) {
		execution = read_json(folder, "execution.json");
		if (!execution)
			err_set_kind(&why, ERR_HARNESS, "execution.json is damaged: disk full?");
	}
	if (!execution)
		execution = failed_execution(item, &why);
	annotate(run, i, execution, clock_ns() - begun);
	rc = write_json(execution, folder, "execution.json", err);
	json_decref(execution);
	return rc;
}

static json_t *grade(const struct run *run, size_t i, const char *folder, struct err *err)
{
	const struct run_item *item = &run->list->items[i];
	const struct grade_input input = {
		.c = item->c,
		.pair = item->pair,
		.targets = (const struct target *const *)run->plans[i].targets.v,
		.targets_len = PAIR_TARGETS,
		.today = run->today,
	};

	return grade_folder(folder, &input, err);
}

/* If there is something in it, it is of an execution that was broken off */
static int make_folder(const struct run_item *item, const char *folder, bool resume,
		       struct err *err)
{
	AUTO_FREE char *copy = io_printf("%s/case.yaml", folder);

	return (resume && io_remove_tree(folder, err)) || io_mkdirs(folder, err) ||
			       io_copy_file(item->c->file, copy, err)
		       ? -1
		       : 0;
}

static int run_item(void *ctx, size_t job, struct err *err)
{
	const struct run *run = ctx;
	size_t i = run->todo[job];
	AUTO_FREE char *folder = item_folder(run, i);
	json_t *verdict;
	int rc;

	if (make_folder(&run->list->items[i], folder, run->options->resume, err) ||
	    execute(run, i, folder, err))
		return -1;
	verdict = grade(run, i, folder, err);
	if (!verdict)
		return -1;
	rc = write_json(verdict, folder, "verdict.json", err);
	json_decref(verdict);
	return rc;
}

/* --- all of them ------------------------------------------------------------------ */

static uint64_t item_limit(void *ctx, size_t job)
{
	const struct run *run = ctx;

	return wall_limit(run->list->items[run->todo[job]].c, run->options->runtime) + SPARE_NS;
}

static void item_started(void *ctx, size_t job)
{
	const struct run *run = ctx;
	const struct run_observer *o = &run->options->observer;

	if (o->started)
		o->started(o->ctx, run->todo[job]);
}

/* A worker that left no verdict: killed, crashed, or the disk is full */
static json_t *missing_verdict(const struct run *run, size_t i, const char *folder, const char *how)
{
	const struct run_item *item = &run->list->items[i];
	struct err why = { 0 }, ignored = { 0 };
	json_t *execution, *verdict;

	err_set_kind(&why, ERR_HARNESS, "the execution broke: %s", how);
	execution = failed_execution(item, &why);
	annotate(run, i, execution, 0);
	verdict = io_mkdirs(folder, &ignored) ||
				  write_json(execution, folder, "execution.json", &ignored)
			  ? NULL
			  : grade(run, i, folder, &ignored);
	if (!verdict || write_json(verdict, folder, "verdict.json", &ignored)) {
		json_decref(verdict); /* not even that can be written */
		verdict = json_incref(execution);
		json_object_set_new(verdict, "verdict", json_string("error"));
		json_object_set_new(verdict, "reason", json_string(why.text));
	}
	json_decref(execution);
	return verdict;
}

static void item_ended(void *ctx, size_t job, const char *how)
{
	struct run *run = ctx;
	size_t i = run->todo[job];
	const struct run_observer *o = &run->options->observer;
	AUTO_FREE char *folder = item_folder(run, i);
	json_t *verdict = how ? NULL : read_json(folder, "verdict.json");

	if (!verdict)
		verdict = missing_verdict(run, i, folder, how ? how : "left no verdict");
	run->verdicts[i] = verdict;
	if (o->finished)
		o->finished(o->ctx, i, verdict);
}

/* The lists of a device stand still: the same one is the same list */
static bool same_guest(const struct run *run, size_t i, size_t k)
{
	const struct pair_targets *a = &run->plans[i].targets, *b = &run->plans[k].targets;

	return middlebox_packages(run->list->items[i].middlebox) ==
		       middlebox_packages(run->list->items[k].middlebox) &&
	       strcmp(a->v[PAIR_CLIENT]->dir, b->v[PAIR_CLIENT]->dir) == 0 &&
	       strcmp(a->v[PAIR_HEADEND]->dir, b->v[PAIR_HEADEND]->dir) == 0 &&
	       !a->v[PAIR_CARRIER] == !b->v[PAIR_CARRIER];
}

static int plan_failed(struct plan *plan, const struct err *why)
{
	plan->why = malloc(sizeof(*why));
	if (!plan->why)
		abort();
	*plan->why = *why;
	return 0;
}

/*
 * Quadratic in the pairs of a run, of which there are few.  A guest that cannot be made is
 * the error of those that need it, and nobody else's.
 */
static int plan_guest(struct run *run, size_t job, struct err *err)
{
	const struct run_options *o = run->options;
	size_t i = run->todo[job];
	struct plan *plan = &run->plans[i];
	struct guest_parts *parts = &run->parts[run->parts_len];

	for (size_t k = 0; k < job; k++)
		if (same_guest(run, i, run->todo[k])) {
			const struct plan *same = &run->plans[run->todo[k]];

			if (same->why && same->why->kind == ERR_UNSUPPORTED)
				continue;
			plan->parts = same->parts;
			return same->why ? plan_failed(plan, same->why) : 0;
		}
	if (guest_prepare(o->home, &plan->targets, run->list->items[i].middlebox, o->interrupt_fd,
			  parts, err)) {
		err_wrap(err, "cannot prepare the guest");
		return err->kind == ERR_HARNESS && run->todo_len > 1 ? plan_failed(plan, err) : -1;
	}
	plan->parts = parts;
	run->parts_len++;
	return 0;
}

/* What a target does not declare is decided before anything runs */
static int make_plan(struct run *run, size_t job, struct err *err)
{
	size_t i = run->todo[job];
	const struct run_item *item = &run->list->items[i];
	struct plan *plan = &run->plans[i];
	struct err why = { 0 };

	if (spec_pair_targets(item->pair, run->options->home->targets, &plan->targets, err))
		return -1;
	if (capability_check(item->c, &plan->targets, &why))
		return plan_failed(plan, &why);
	return runtime_has_guest(run->options->runtime) ? plan_guest(run, job, err) : 0;
}

static int make_plans(struct run *run, struct err *err)
{
	for (size_t job = 0; job < run->todo_len; job++)
		if (make_plan(run, job, err))
			return -1;
	return 0;
}

/* Who does not conform is not run */
static int probe_targets(struct run *run, struct err *err)
{
	AUTO_FREE char *folder = io_printf("%s/probe", run->options->out);
	const struct probe_options options = {
		.home = run->options->home,
		.runtime = run->options->runtime,
		.folder = folder,
		.jobs = run->options->jobs,
		.interrupt_fd = run->options->interrupt_fd,
	};
	AUTO_FREE struct probe_item *items = calloc(run->todo_len + 1, sizeof(*items));

	if (!items)
		return err_set(err, ENOMEM, "cannot probe the targets");
	for (size_t job = 0; job < run->todo_len; job++) {
		const struct plan *plan = &run->plans[run->todo[job]];

		if (!plan->why)
			items[job] = (struct probe_item){
				.pair = run->list->items[run->todo[job]].pair,
				.targets = &plan->targets,
				.parts = plan->parts,
			};
	}
	if (probe_items(items, run->todo_len, &options, err))
		return -1;
	for (size_t job = 0; job < run->todo_len; job++)
		if (err_is_set(&items[job].why))
			plan_failed(&run->plans[run->todo[job]], &items[job].why);
	return 0;
}

/* results/latest, which only runs in results/ change; replaced in one step */
static int point_latest(const struct run_options *o, struct err *err)
{
	size_t len = strlen(o->home->results);
	AUTO_FREE char *latest = io_printf("%s/latest", o->home->results);
	AUTO_FREE char *fresh = io_printf("%s.%d", latest, (int)getpid());

	if (strncmp(o->out, o->home->results, len) != 0 || o->out[len] != '/' ||
	    strchr(o->out + len + 1, '/'))
		return 0;
	if (symlink(o->out + len + 1, fresh) || rename(fresh, latest)) {
		unlink(fresh);
		return err_set(err, errno, "cannot point '%s' to this run", latest);
	}
	return 0;
}

/* In the order of the run list, whichever ended first; null: it has no verdict yet */
static json_t *executions(const struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->list->len; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:O?}", "folder", run->list->items[i].folder,
					"verdict", json_object_get(run->verdicts[i], "verdict")));
	return list;
}

static json_t *matrix_of(const struct run *run)
{
	json_t *verdicts = json_array(), *matrix;

	for (size_t i = 0; i < run->list->len; i++)
		if (run->verdicts[i])
			json_array_append(verdicts, run->verdicts[i]);
	matrix = report_matrix(verdicts);
	json_decref(verdicts);
	return matrix;
}

static int write_summary(const struct run *run, struct err *err)
{
	json_t *matrix = matrix_of(run);
	json_t *json = json_pack("{s:i, s:s, s:s, s:O, s:s?, s:o, s:o?}", "format", 1, "date",
				 run->today, "runtime", runtime_names[run->options->runtime],
				 "identity", run->identity, "resume", run->options->go_on,
				 "executions", executions(run), "matrix", matrix);
	int rc = write_json(json, run->options->out, "run.json", err);

	json_decref(json);
	return rc;
}

/* --- what is to be done ----------------------------------------------------------- */

static int check_unused(const struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->list->len; i++) {
		AUTO_FREE char *folder = item_folder(run, i);
		AUTO_FREE char *copy = io_printf("%s/case.yaml", folder);

		if (access(copy, F_OK) == 0)
			return err_set_kind(err, ERR_USAGE,
					    "'%s' holds results already: give --out another "
					    "folder, or go on with that run by --resume '%s'",
					    folder, run->options->out);
	}
	return 0;
}

/* Who has a verdict of the same run keeps it */
static void keep_verdicts(struct run *run)
{
	const struct run_observer *o = &run->options->observer;

	for (size_t i = 0; i < run->list->len; i++) {
		AUTO_FREE char *folder = item_folder(run, i);

		run->verdicts[i] = journal_verdict(folder);
		if (run->verdicts[i] && o->kept)
			o->kept(o->ctx, i, run->verdicts[i]);
	}
}

static int find_work(struct run *run, struct err *err)
{
	const struct run_options *o = run->options;

	run->identity = journal_identity(o->home, run->list, runtime_names[o->runtime], err);
	if (!run->identity ||
	    (o->resume ? journal_match(o->out, run->identity, err) : check_unused(run, err)))
		return -1;
	if (o->resume)
		keep_verdicts(run);
	for (size_t i = 0; i < run->list->len; i++)
		if (!run->verdicts[i])
			run->todo[run->todo_len++] = i;
	return 0;
}

static int go(struct run *run, struct err *err)
{
	struct pool pool = {
		.width = run->options->jobs,
		.interrupt_fd = run->options->interrupt_fd,
		.run = run_item,
		.limit_ns = item_limit,
		.started = item_started,
		.ended = item_ended,
		.ctx = run,
	};
	struct err ignored = { 0 };
	int rc;

	if (find_work(run, err) || make_plans(run, err) || io_mkdirs(run->options->out, err) ||
	    write_summary(run, err) || point_latest(run->options, err) ||
	    (run->options->probe && probe_targets(run, err)))
		return -1;
	pool.len = run->todo_len;
	rc = pool_run(&pool, err);
	return write_summary(run, rc ? &ignored : err) || rc ? -1 : 0;
}

/**
 * run_all() - Execute and grade all items of a run list
 * @list:	The run list
 * @options:	How, and where to
 * @err:	Set on failure: ERR_INTERRUPTED, ERR_USAGE, ERR_HARNESS.  An execution that
 *		fails is not a failure here: it has a verdict
 *
 * Return: 0 if every item has a verdict, or -1; nothing is left running in either case
 */
int run_all(const struct run_list *list, const struct run_options *options, struct err *err)
{
	struct run run = {
		.list = list,
		.options = options,
		.plans = calloc(list->len + 1, sizeof(*run.plans)),
		.parts = calloc(list->len + 1, sizeof(*run.parts)),
		.verdicts = calloc(list->len + 1, sizeof(json_t *)),
		.todo = calloc(list->len + 1, sizeof(*run.todo)),
	};
	time_t now = time(NULL);
	int rc;

	if (!run.plans || !run.parts || !run.verdicts || !run.todo)
		abort();
	strftime(run.today, sizeof(run.today), "%Y-%m-%d", gmtime(&now));
	rc = go(&run, err);
	for (size_t i = 0; i < list->len; i++) {
		pair_targets_release(&run.plans[i].targets);
		free(run.plans[i].why);
		json_decref(run.verdicts[i]);
	}
	for (size_t i = 0; i < run.parts_len; i++)
		guest_parts_release(&run.parts[i]);
	free(run.plans);
	free(run.parts);
	free(run.verdicts);
	free(run.todo);
	json_decref(run.identity);
	return rc;
}
