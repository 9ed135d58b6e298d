// SPDX-License-Identifier: Apache-2.0
/*
 * Everything that can be wrong with cases, pairs and middleboxes is said before the
 * first execution starts, all of it at once.
 *
 * SIGINT, SIGTERM and SIGHUP are blocked and read from a descriptor by run_all(), so
 * that an interrupt finds nothing half done.  They stay blocked after it: the report
 * of what has been done is short.
 */
#include "cmd/execution.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "middlebox/config.h"
#include "spec/target.h"

#define OUT_TRIES 1000 /* runs that begin in one second */

/* --- validation ------------------------------------------------------------ */

/* Print what is wrong, and go on; @ret keeps the worst */
static void note(const struct err *err, int *ret)
{
	cmd_print_error(err);
	*ret = -1;
}

static int check_case(const struct execution *e, const struct spec_case *c)
{
	struct err err = { 0 };
	int rc = 0;

	if (spec_case_check_metrics(c, cmd_metric_ok, &err))
		note(&err, &rc);
	if (!e->list.middleboxes_len && spec_case_check_middleboxes(c, device_choice_ok, &err))
		note(&err, &rc);
	if (!e->list.pairs_len && spec_case_check_targets(c, e->home.targets, &err))
		note(&err, &rc);
	return rc;
}

static int check_list(const struct execution *e, struct err *err)
{
	const struct run_list *list = &e->list;
	struct err one = { 0 };
	int rc = 0;

	for (size_t i = 0; i < list->pairs_len; i++)
		if (spec_pair_check(&list->pairs[i], e->home.targets, &one)) {
			err_wrap(&one, "--pair %s", list->pairs[i].text);
			note(&one, &rc);
		}
	for (size_t i = 0; i < list->middleboxes_len; i++)
		if (!device_choice_ok(&list->middleboxes[i], &one)) {
			err_wrap(&one, "--middlebox %s", list->middleboxes[i].text);
			note(&one, &rc);
		}
	for (size_t i = 0; i < list->cases_len; i++)
		if (check_case(e, list->cases[i]))
			rc = -1;
	return rc ? err_set_kind(err, ERR_USAGE, "nothing was run: the above has to be mended") : 0;
}

/* --- the folder of results --------------------------------------------------- */

/* A folder that nobody else has: mkdir() decides who is first */
static char *new_folder(const char *results, const char *suffix, struct err *err)
{
	time_t now = time(NULL);
	char stamp[32] = "";
	struct tm tm;

	if (io_mkdirs(results, err))
		return NULL;
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	for (unsigned n = 1; n <= OUT_TRIES; n++) {
		AUTO_FREE char *path = n == 1 ? io_printf("%s/%s%s", results, stamp, suffix)
					      : io_printf("%s/%s%s-%u", results, stamp, suffix, n);

		if (!mkdir(path, 0777))
			return steal_ptr(&path);
		if (errno != EEXIST) {
			err_set(err, errno, "cannot make the folder of results '%s'", path);
			return NULL;
		}
	}
	err_set(err, 0, "no name is left for a folder of results in '%s'", results);
	return NULL;
}

/* Where it exists without links: results/latest is to be pointed at it, not at itself */
static char *absolute(const char *path, struct err *err)
{
	AUTO_FREE char *real = realpath(path, NULL);
	AUTO_FREE char *cwd = *path == '/' ? NULL : getcwd(NULL, 0);

	if (real)
		return steal_ptr(&real);
	if (*path == '/')
		return io_printf("%s", path);
	if (cwd)
		return io_printf("%s/%s", cwd, path);
	err_set(err, errno, "cannot find the current folder");
	return NULL;
}

/* What stands in the way of a folder would stand in the way of every execution */
static int check_folder(const char *path, bool must_be, struct err *err)
{
	struct stat st;

	if (!stat(path, &st))
		return S_ISDIR(st.st_mode)
			       ? 0
			       : err_set_kind(err, ERR_USAGE,
					      "'%s' is not a folder: give the results one", path);
	if (errno == ENOENT && !must_be)
		return 0;
	return err_set_kind(err, ERR_USAGE, "'%s' cannot be the folder of results: %s", path,
			    strerror(errno));
}

static int find_folder(struct execution *e, const struct execution_flags *flags, const char *suffix,
		       struct err *err)
{
	const char *given = flags->resume ? flags->resume : flags->out;

	if (given && check_folder(given, flags->resume, err))
		return -1;
	e->out = given ? absolute(given, err) : new_folder(e->home.results, suffix, err);
	e->made_out = !given;
	if (!e->out)
		return -1;
	e->go_on = execution_command(flags, e->out);
	return 0;
}

/* --- the run --------------------------------------------------------------- */

/**
 * execution_prepare() - Find, expand and validate what is to be run
 * @e:		Zeroed; release it in any case
 * @flags:	Of the command line, borrowed for this call only
 * @suffix:	Of the name of a new folder of results
 * @err:	Set on failure; what is wrong with cases was printed already
 *
 * Return: 0 or -1
 */
int execution_prepare(struct execution *e, const struct execution_flags *flags, const char *suffix,
		      struct err *err)
{
	if (home_find(&e->home, err))
		return -1;

	const struct run_request request = {
		.cases_dir = e->home.cases,
		.targets_dir = e->home.targets,
		.selectors = flags->selectors.v,
		.selectors_len = flags->selectors.len,
		.pairs = flags->pairs.v,
		.pairs_len = flags->pairs.len,
		.middleboxes = flags->middleboxes.v,
		.middleboxes_len = flags->middleboxes.len,
		.matrix = flags->matrix,
		.seed = flags->seed,
		.repeat = flags->repeat,
		.shard = flags->shard,
		.shards = flags->shards,
	};

	if (run_list_build(&request, &e->list, err) || check_list(e, err))
		return -1;
	e->verdicts = calloc(e->list.len + 1, sizeof(json_t *));
	if (!e->verdicts)
		abort();
	if (!e->list.len) /* an empty shard leaves no folder */
		return 0;
	return find_folder(e, flags, suffix, err);
}

static void on_started(void *ctx, size_t item)
{
	struct execution *e = ctx;

	if (!e->quiet)
		progress_started(&e->progress, item);
}

static void on_kept(void *ctx, size_t item, const json_t *verdict)
{
	struct execution *e = ctx;

	e->verdicts[item] = json_incref((json_t *)verdict);
	progress_kept(&e->progress);
}

static void on_finished(void *ctx, size_t item, const json_t *verdict)
{
	struct execution *e = ctx;

	e->verdicts[item] = json_incref((json_t *)verdict);
	if (!e->quiet)
		progress_finished(&e->progress, item, verdict);
	if (e->finished)
		e->finished(e, item);
}

static int open_signals(struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return err_set(err, errno, "cannot block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_set(err, errno, "cannot make a descriptor for signals") : fd;
}

/**
 * execution_run() - Run the list
 * @e:		From execution_prepare()
 * @flags:	Of the command line
 * @err:	Set on failure, ERR_INTERRUPTED included
 *
 * Return: 0 or -1; the verdicts that came are there in either case
 */
int execution_run(struct execution *e, const struct execution_flags *flags, struct err *err)
{
	AUTO_CLOSE int signals = open_signals(err);
	const struct run_options options = {
		.home = &e->home,
		.runtime = flags->runtime,
		.out = e->out,
		.jobs = flags->jobs,
		.probe = flags->probe || flags->matrix,
		.interrupt_fd = signals,
		.resume = flags->resume,
		.go_on = e->go_on,
		.observer = { on_started, on_finished, on_kept, e },
	};
	uint64_t begun = clock_ns();
	int rc;

	if (signals < 0)
		return -1;
	progress_init(&e->progress, &e->list);
	rc = run_all(&e->list, &options, err);
	progress_end(&e->progress);
	e->wall_s = (double)(clock_ns() - begun) / (double)NS_PER_S;
	return rc;
}

/** execution_begun() - Is there a run that could be resumed? */
bool execution_begun(const struct execution *e)
{
	AUTO_FREE char *journal = io_printf("%s/run.json", e->out ? e->out : "");

	return access(journal, F_OK) == 0;
}

/** execution_verdicts() - The verdicts that came, in the order of the list; a new array */
json_t *execution_verdicts(const struct execution *e)
{
	json_t *array = json_array();

	for (size_t i = 0; i < e->list.len; i++)
		if (e->verdicts[i])
			json_array_append(array, e->verdicts[i]);
	return array;
}

/** execution_release() - Free it all, and a folder of results that stayed empty */
void execution_release(struct execution *e)
{
	for (size_t i = 0; e->verdicts && i < e->list.len; i++)
		json_decref(e->verdicts[i]);
	free(e->verdicts);
	if (e->out && e->made_out)
		rmdir(e->out); /* fails, as it should, if anything is in it */
	free(e->out);
	free(e->go_on);
	progress_release(&e->progress);
	run_list_release(&e->list);
	home_release(&e->home);
	memset(e, 0, sizeof(*e));
}
