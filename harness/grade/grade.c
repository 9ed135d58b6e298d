// SPDX-License-Identifier: Apache-2.0
/*
 * Grading: the evidence is loaded, measured, held against the case, explained, and
 * decided.  Any old run folder can be graded again.
 */
#include "grade/grade.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "base/utf8.h"
#include "grade/evidence.h"
#include "grade/findings.h"
#include "grade/metrics.h"
#include "grade/verdict.h"
#include "grade/witness.h"
#include "spec/name.h"
#include "spec/target.h"
#include "spec/timeline.h"

/* SHA-256 over a line "<file> <sha256>" for each capture, in the order of the path */
static json_t *digest(const struct evidence *e)
{
	char text[LINK_COUNT * END_COUNT * 128] = "", hex[65];
	size_t used = 0;

	if (!e->captured)
		return json_null();
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (int end = 0; end < END_COUNT; end++) {
			const struct evidence_trace *t = &e->traces[l][end];

			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s\n",
						 t->name, io_sha256(t->bytes, t->len, hex));
		}
	return json_string(io_sha256(text, used, hex));
}

static void add_metric(void *ctx, const char *name, const struct metric_value *v)
{
	json_object_set_new(ctx, name,
			    v->unit == UNIT_WORD ? json_string(v->word) : json_real(v->number));
}

static json_t *metrics(const struct evidence *e)
{
	json_t *object = json_object();

	grade_metric_each(e, add_metric, object);
	return object;
}

static json_t *expectations(const struct evidence *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->c->expect_len; i++)
		json_array_append_new(list, verdict_expectation(e, &e->c->expect[i]));
	return list;
}

/* --- what came out, in one line for people ------------------------------------------------ */

struct line {
	char text[256];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct line *line, const char *fmt, ...)
{
	va_list ap;

	if (line->used && line->used < sizeof(line->text))
		line->used += (size_t)snprintf(line->text + line->used,
					       sizeof(line->text) - line->used, "; ");
	if (line->used >= sizeof(line->text))
		return;
	va_start(ap, fmt);
	line->used += (size_t)vsnprintf(line->text + line->used, sizeof(line->text) - line->used,
					fmt, ap);
	va_end(ap);
}

static double number(const struct evidence *e, const char *metric)
{
	struct metric_value v;

	return grade_metric(e, metric, &v) ? v.number : 0;
}

static json_t *measured(const struct evidence *e)
{
	struct line line = { .used = 0 };
	struct metric_value v;

	if (grade_metric(e, "tunnel.up", &v) && strcmp(v.word, "yes") != 0)
		say(&line, "the tunnel did not come up");
	if (grade_metric(e, "echo.sent", &v))
		say(&line, "%.0f of %.0f probes answered", number(e, "echo.received"), v.number);
	if (grade_metric(e, "echo.died_at", &v))
		say(&line, "none after %.1f s", v.number);
	if (grade_metric(e, "tcp.intact", &v))
		say(&line, "TCP %s", strcmp(v.word, "yes") ? "not intact" : "intact");
	if (number(e, "carriage.retransmissions") > 0)
		say(&line, "%.0f retransmissions", number(e, "carriage.retransmissions"));
	if (grade_metric(e, "loss.links", &v) && strcmp(v.word, "none") != 0)
		say(&line, "lost on %s", v.word);
	return json_string(line.text);
}

/* --- when probes were answered, for pictures ---------------------------------------------- */

#define BINS 60

static void span(const struct evidence *e, uint64_t *ret_first, uint64_t *ret_last)
{
	*ret_first = UINT64_MAX;
	*ret_last = 0;
	for (size_t i = 0; i < e->c->traffic_len; i++) {
		const struct flow_events *f = &e->flows[i];

		if (!f->probes_len)
			continue;
		if (f->probes[0].t_ns < *ret_first)
			*ret_first = f->probes[0].t_ns;
		if (f->probes[f->probes_len - 1].t_ns > *ret_last)
			*ret_last = f->probes[f->probes_len - 1].t_ns;
	}
}

/* What the timeline of the case did: [{t_s, what, ends}], from @zero_ns on */
static json_t *changes(const struct evidence *e, uint64_t zero_ns)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->changes_len; i++) {
		const struct timeline_event *c = &e->changes[i];
		const struct timeline_entry *t = &e->c->timeline.entries[c->entry];
		double t_s = ((double)c->t_ns - (double)zero_ns) / (double)NS_PER_S;
		AUTO_FREE char *what = io_printf("%s: %s",
						 timeline_is_of_node(t->what) ? node_names[t->node]
									      : link_names[t->link],
						 t->what_text);

		json_array_append_new(list, json_pack("{s:f, s:s, s:b}", "t_s", t_s, "what", what,
						      "ends", c->ends));
	}
	return list;
}

/*
 * {bin_s, sent[], answered[], changes[]}: probes by when they were sent; null if there is
 * nothing to show.  Times count from the first probe, without any from when losses were armed.
 */
static json_t *timeline(const struct evidence *e)
{
	json_int_t sent[BINS] = { 0 }, answered[BINS] = { 0 };
	json_t *sent_list, *answered_list;
	uint64_t first, last, width;

	if (!e->flows)
		return json_null();
	span(e, &first, &last);
	if (first >= last)
		return e->changes_len ? json_pack("{s:f, s:[], s:[], s:o}", "bin_s", 0.0, "sent",
						  "answered", "changes",
						  changes(e, evidence_time(e, "armed")))
				      : json_null();
	width = (last - first) / BINS + 1;
	for (size_t i = 0; i < e->c->traffic_len; i++)
		for (size_t k = 0; k < e->flows[i].probes_len; k++) {
			const struct probe *p = &e->flows[i].probes[k];

			sent[(p->t_ns - first) / width]++;
			answered[(p->t_ns - first) / width] += p->rtt_ns != 0;
		}
	sent_list = json_array();
	answered_list = json_array();
	for (size_t i = 0; i < BINS; i++) {
		json_array_append_new(sent_list, json_integer(sent[i]));
		json_array_append_new(answered_list, json_integer(answered[i]));
	}
	return json_pack("{s:f, s:o, s:o, s:o}", "bin_s", (double)width / 1e9, "sent", sent_list,
			 "answered", answered_list, "changes", changes(e, first));
}

static json_t *deviation(const struct deviation *d)
{
	if (!d)
		return json_null();
	return json_pack("{s:s, s:s, s:s?, s:s?}", "case", d->case_id, "reason", d->reason, "issue",
			 d->issue, "expires", d->expires);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The command that runs this execution again: a case of the tree by its name */
static json_t *repeat(const struct evidence *e, const struct grade_input *in)
{
	AUTO_FREE char *name = io_printf("%s/%s", in->c->series, in->c->id);
	AUTO_FREE char *suffix = io_printf("cases/%s.yaml", name);
	size_t file = strlen(in->c->file), tail = strlen(suffix);
	bool ours = file >= tail && strcmp(in->c->file + file - tail, suffix) == 0;
	const char *runtime = text_of(e->execution, "runtime");
	AUTO_FREE char *command = io_printf(
		"dupack run '%s' --pair '%s' --middlebox '%s' --seed %lld%s%s",
		ours ? name : in->c->file, in->pair->text, text_of(e->execution, "middlebox"),
		(long long)json_integer_value(json_object_get(e->execution, "seed")),
		strcmp(runtime, "virtual") ? " --runtime " : "",
		strcmp(runtime, "virtual") ? runtime : "");

	return json_string(command);
}

/* Whose failure it is, if there is one: of reading what was left, or of the execution */
static json_t *failure(const struct evidence *e, struct err *damage)
{
	const json_t *error = json_object_get(e->execution, "error");

	if (!err_is_set(damage))
		return json_deep_copy(error);
	utf8_clean(damage->text);
	return json_pack("{s:s, s:s}", "kind", "harness", "text", damage->text);
}

static json_t *copy(const struct evidence *e, const char *key)
{
	json_t *value = json_object_get(e->execution, key);

	return value ? json_incref(value) : json_null();
}

static json_t *assemble(const struct evidence *e, const struct grade_input *in,
			const struct verdict_facts *facts, const struct verdict_result *result)
{
	char level[] = { in->c->level, '\0' };

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o,"
			 " s:s, s:s, s:o, s:s, s:s, s:s,"
			 " s:O, s:O, s:o, s:o, s:O, s:o, s:O?, s:o, s:o, s:o, s:o, s:o}",
			 "case", in->c->id, "series", in->c->series, "title", in->c->title,
			 "client", in->pair->client, "headend", in->pair->headend, "carriage",
			 in->pair->carriage.text, "pair", in->pair->text, "middlebox",
			 text_of(e->execution, "middlebox"), "runtime", copy(e, "runtime"), "seed",
			 copy(e, "seed"), "verdict", verdict_names[result->verdict], "reason",
			 result->reason, "measured", measured(e), "level", level, "requirement",
			 in->c->requirement, "clause", in->c->clause, "expectations",
			 facts->expectations, "findings", facts->findings, "metrics", metrics(e),
			 "timeline", timeline(e), "witness", facts->witness, "deviation",
			 deviation(result->deviation), "error", facts->error, "digest", digest(e),
			 "virtual_s", copy(e, "virtual_s"), "wall_s", copy(e, "wall_s"), "versions",
			 copy(e, "versions"), "repeat", repeat(e, in));
}

/**
 * grade_folder() - Grade an execution
 * @folder:	Its run folder
 * @in:		What else is needed
 * @err:	Set if there is no memory
 *
 * What is missing or damaged in the folder is a verdict too: error.
 *
 * Return: a new object, or NULL
 */
json_t *grade_folder(const char *folder, const struct grade_input *in, struct err *err)
{
	AUTO_EVIDENCE struct evidence e = { 0 };
	struct err damage = { 0 };
	struct verdict_result result;
	struct verdict_facts facts;
	json_t *list, *found, *witness, *error, *verdict;

	evidence_load(folder, in->c, &e, &damage);
	list = expectations(&e);
	found = grade_findings(&e);
	witness = grade_witness(&e);
	error = failure(&e, &damage);
	facts = (struct verdict_facts){ list, found, witness, error, in->c->level };
	verdict_decide(&facts, in, text_of(e.execution, "middlebox"), &result);
	verdict = assemble(&e, in, &facts, &result);
	json_decref(list);
	json_decref(found);
	json_decref(witness);
	json_decref(error);
	if (!verdict)
		err_set(err, ENOMEM, "cannot grade '%s'", folder);
	return verdict;
}
