// SPDX-License-Identifier: Apache-2.0
/*
 * The line is rewritten when something happens, not by a clock: a run has one thread
 * and waits in run_all().
 */
#include "cmd/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "report/text.h"
#include "report/verdict.h"
#include "spec/runlist.h"

#define ERASE "\r\033[K"

/** progress_init() - Begin with nothing done; @list is borrowed */
void progress_init(struct progress *p, const struct run_list *list)
{
	*p = (struct progress){
		.list = list,
		.style = cmd_style(STDERR_FILENO),
		.running = calloc(list->len + 1, sizeof(bool)),
	};
	if (!p->running)
		abort();
}

static char *item_name(const struct run_item *item)
{
	return io_printf("%s/%s %s %s", item->c->series, item->c->id, item->pair->text,
			 item->middlebox->text);
}

/* "1:05" or "1:02:03" */
static char *clock_text(uint64_t ns)
{
	unsigned long long s = ns / NS_PER_S;

	if (s >= 3600)
		return io_printf("%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
	return io_printf("%llu:%02llu", s / 60, s % 60);
}

/* The first that runs, and how many others do; the caller frees it */
static char *running_text(const struct progress *p)
{
	size_t others = 0;
	char *text = NULL;

	for (size_t i = 0; i < p->list->len; i++) {
		if (!p->running[i])
			continue;
		if (text)
			others++;
		else
			text = item_name(&p->list->items[i]);
	}
	if (text && others) {
		char *more = io_printf("%s and %zu more", text, others);

		free(text);
		return more;
	}
	return text ? text : io_printf("-");
}

/* Supposing that the rest is like what this run has done; the caller frees it */
static char *time_left(const struct progress *p, uint64_t elapsed)
{
	size_t done = p->finished - p->kept;
	AUTO_FREE char *left =
		done ? clock_text(elapsed / done * (p->list->len - p->finished)) : NULL;

	return left ? io_printf(", %s left", left) : io_printf("%s", "");
}

static void rewrite(const struct progress *p)
{
	uint64_t elapsed = p->begun_ns ? clock_ns() - p->begun_ns : 0;
	AUTO_FREE char *running = running_text(p);
	AUTO_FREE char *since = clock_text(elapsed);
	AUTO_FREE char *left = time_left(p, elapsed);
	AUTO_FREE char *bad = p->unexpected ? io_printf("  %zu bad", p->unexpected) : NULL;
	AUTO_FREE char *line = io_printf("%zu of %zu  %s%s%s  %s", p->finished, p->list->len, since,
					 left, bad ? bad : "", running);
	AUTO_FREE char *fit = NULL;

	/* a full last column would move to the next line */
	fit = text_fit(line, p->style.width > 1 ? p->style.width - 1 : 1);
	fprintf(stderr, ERASE "%s", fit);
	fflush(stderr);
}

/** progress_kept() - An execution was done already, in an earlier run */
void progress_kept(struct progress *p)
{
	p->kept++;
	p->finished++;
}

/** progress_started() - An execution has begun */
void progress_started(struct progress *p, size_t item)
{
	if (!p->begun_ns)
		p->begun_ns = clock_ns();
	p->running[item] = true;
	if (p->style.width)
		rewrite(p);
}

/** progress_finished() - An execution has its verdict */
void progress_finished(struct progress *p, size_t item, const json_t *verdict)
{
	const struct run_item *i = &p->list->items[item];
	const struct report_kind_info *kind = &report_kinds[report_kind(verdict)];

	p->running[item] = false;
	p->finished++;
	p->unexpected += kind->unexpected;
	if (p->style.width) {
		rewrite(p);
	} else {
		AUTO_FREE char *name = item_name(i);
		AUTO_FREE char *left = time_left(p, clock_ns() - p->begun_ns);

		fprintf(stderr, "%zu of %zu  %-12s  %s seed %llu%s\n", p->finished, p->list->len,
			kind->name, name, (unsigned long long)i->seed, left);
	}
}

/** progress_end() - The run is over: leave no line behind */
void progress_end(struct progress *p)
{
	if (p->style.width)
		fputs(ERASE, stderr);
	fflush(stderr);
}

/** progress_release() - Free what it holds; a zeroed one is fine */
void progress_release(struct progress *p)
{
	free(p->running);
	p->running = NULL;
}
