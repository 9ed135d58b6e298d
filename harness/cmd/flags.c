// SPDX-License-Identifier: Apache-2.0
/* The flags of `run` and `case`, as a child parser of argp. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "cmd/execution.h"

enum { KEY_RUNTIME = 0x100, KEY_SEED, KEY_OUT, KEY_REPEAT, KEY_SHARD, KEY_MATRIX, KEY_PROBE };

#define JOBS_MAX   4096
#define REPEAT_MAX 1000000

static const struct argp_option options[] = {
	{ "pair", 'p', "PAIR", 0,
	  "who is tested, instead of the cases' own pairs; may be repeated, and have '*'", 1 },
	{ "middlebox", 'm', "NAME[,KEY=VALUE]...", 0,
	  "the device in the path, instead of the cases' own; may be repeated", 1 },
	{ "matrix", KEY_MATRIX, NULL, 0,
	  "every pair that the targets form, and each case where its profiles say that it "
	  "applies",
	  1 },
	{ "runtime", KEY_RUNTIME, "virtual|guest|host", 0, "where it runs (virtual)", 1 },
	{ "seed", KEY_SEED, "N", 0, "of all randomness (1)", 1 },
	{ "repeat", KEY_REPEAT, "N", 0, "each execution with N seeds, from --seed on", 1 },
	{ "jobs", 'j', "N", 0, "executions at the same time (one for each CPU)", 1 },
	{ "shard", KEY_SHARD, "I/N", 0, "only the I-th of N parts", 1 },
	{ "probe", KEY_PROBE, NULL, 0,
	  "first ask every target whether it keeps its contract; run none that does not", 1 },
	{ "out", 'o', "DIR", 0, "where the results go (a new folder below results/)", 1 },
	{ 0 },
};

static void words_add(struct words *w, const char *word)
{
	w->v[w->len++] = word;
}

/* A whole number within bounds, or argp ends the program */
static uint64_t number(struct argp_state *state, const char *flag, const char *text, uint64_t min,
		       uint64_t max)
{
	uint64_t n;

	if (units_count(text, &n) || n < min || n > max)
		argp_error(state, "--%s cannot be '%.60s': give a whole number from %llu to %llu",
			   flag, text, (unsigned long long)min, (unsigned long long)max);
	return n;
}

/**
 * execution_runtime() - A runtime of the command line
 * @state:	Of argp, which ends the program if there is none
 * @text:	Its name
 *
 * Return: the runtime
 */
enum runtime execution_runtime(struct argp_state *state, const char *text)
{
	AUTO_FREE char *list = name_list(runtime_names, RUNTIME_COUNT);
	const char *near = name_near(text, runtime_names, RUNTIME_COUNT);

	for (size_t i = 0; i < RUNTIME_COUNT; i++)
		if (strcmp(runtime_names[i], text) == 0)
			return (enum runtime)i;
	if (near)
		argp_error(state, "no runtime '%.60s': did you mean '%s'?", text, near);
	else
		argp_error(state, "no runtime '%.60s': there are: %s", text, list);
	return RUNTIME_VIRTUAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct execution_flags *flags = state->input;
	struct err err;

	switch (key) {
	case 'p':
		words_add(&flags->pairs, arg);
		return 0;
	case 'm':
		words_add(&flags->middleboxes, arg);
		return 0;
	case 'j':
		flags->jobs = (unsigned)number(state, "jobs", arg, 1, JOBS_MAX);
		return 0;
	case 'o':
		if (!*arg)
			argp_error(state, "--out cannot be empty: give a folder");
		flags->out = arg;
		return 0;
	case KEY_MATRIX:
		flags->matrix = true;
		return 0;
	case KEY_RUNTIME:
		flags->runtime = execution_runtime(state, arg);
		return 0;
	case KEY_SEED:
		/* JSON's integers are signed */
		flags->seed = number(state, "seed", arg, 0, INT64_MAX - REPEAT_MAX);
		return 0;
	case KEY_REPEAT:
		flags->repeat = (unsigned)number(state, "repeat", arg, 1, REPEAT_MAX);
		return 0;
	case KEY_PROBE:
		flags->probe = true;
		return 0;
	case KEY_SHARD:
		if (run_list_shard_parse(arg, &flags->shard, &flags->shards, &err))
			argp_error(state, "%s", err.text);
		return 0;
	case ARGP_KEY_ARG:
		words_add(&flags->selectors, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp execution_argp = { .options = options, .parser = parse };

static unsigned default_jobs(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > 1 ? (unsigned)cpus : 1;
}

/* Room for every argument there is */
static struct words words_new(int argc)
{
	struct words w = { .v = calloc((size_t)argc + 1, sizeof(*w.v)) };

	if (!w.v)
		abort();
	return w;
}

/**
 * execution_flags_init() - What holds where nothing is given
 * @flags:	Filled in; release it with execution_flags_release()
 * @argc:	How many arguments will be parsed
 */
void execution_flags_init(struct execution_flags *flags, int argc)
{
	*flags = (struct execution_flags){
		.selectors = words_new(argc),
		.pairs = words_new(argc),
		.middleboxes = words_new(argc),
		.runtime = RUNTIME_VIRTUAL,
		.seed = 1,
		.repeat = 1,
		.jobs = default_jobs(),
	};
}

/** execution_flags_release() - Free the lists; idempotent */
void execution_flags_release(struct execution_flags *flags)
{
	struct words *all[] = { &flags->selectors, &flags->pairs, &flags->middleboxes };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		free(all[i]->v);
		*all[i] = (struct words){ 0 };
	}
}

/* A word as a shell takes it back */
static void put_word(FILE *out, const char *before, const char *word)
{
	bool plain = *word;

	for (const char *c = word; *c; c++)
		plain = plain && (isalnum((unsigned char)*c) || strchr("@%+=:,./_-", *c));
	fputs(before, out);
	if (plain) {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	putc('\'', out);
}

static void put_words(FILE *out, const char *before, const struct words *words)
{
	for (size_t i = 0; i < words->len; i++)
		put_word(out, before, words->v[i]);
}

/**
 * execution_command() - The command that goes on with a run that was broken off
 * @flags:	Those of the run
 * @out:	The folder of its results
 *
 * Return: the command for a shell, to be freed by the caller
 */
char *execution_command(const struct execution_flags *flags, const char *out)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		abort();
	fputs("dupack run", f);
	put_words(f, " ", &flags->selectors);
	if (flags->matrix)
		fputs(" --matrix", f);
	put_words(f, " --pair ", &flags->pairs);
	put_words(f, " --middlebox ", &flags->middleboxes);
	if (flags->runtime != RUNTIME_VIRTUAL)
		fprintf(f, " --runtime %s", runtime_names[flags->runtime]);
	if (flags->seed != 1)
		fprintf(f, " --seed %llu", (unsigned long long)flags->seed);
	if (flags->repeat != 1)
		fprintf(f, " --repeat %u", flags->repeat);
	if (flags->shards)
		fprintf(f, " --shard %u/%u", flags->shard, flags->shards);
	if (flags->jobs != default_jobs())
		fprintf(f, " --jobs %u", flags->jobs);
	if (flags->json)
		fputs(" --json", f);
	put_word(f, " --resume ", out);
	fclose(f);
	return text;
}
