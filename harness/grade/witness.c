// SPDX-License-Identifier: Apache-2.0
/*
 * Each thing that a case planned is a row of `detail`, with what counted it.  Those that
 * are faults must have taken place, or nothing was shown: a random model somewhere on the
 * path, of those that the case planned; a list, a rule for messages, and an entry of the
 * timeline, each.
 *
 * Who counts: the link's engine (execution.json), and for what is lost the captures at both
 * its ends as well.  What an engine does not know (null) is looked up in the captures.  An
 * entry of the timeline has what the counters gained while it held; the rest is the case's
 * own.  A device is known here by its counters alone: execution.json says which of them
 * stands for an option.
 */
#include "grade/witness.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "grade/evidence.h"
#include "spec/act.h"
#include "spec/impairment.h"
#include "spec/timeline.h"

#define TEXT_MAX 128
#define UNKNOWN	 (-1) /* nobody counts it */

/* --- the models: a row each, and how to say what is planned ------------------------------- */

static bool say_ratio(double ratio, char *buf, size_t size)
{
	if (ratio > 0)
		snprintf(buf, size, "%.4g%% at random", ratio * 100);
	return ratio > 0;
}

static bool say_duration(uint64_t ns, char *buf, size_t size)
{
	if (ns)
		units_format_duration(ns, buf, size);
	return ns;
}

static bool plan_list(const struct impairment *i, char *buf, size_t size)
{
	if (i->drop_len)
		snprintf(buf, size, "%zu listed", i->drop_len);
	return i->drop_len;
}

static bool plan_loss(const struct impairment *i, char *buf, size_t size)
{
	if (i->has_gemodel || i->has_state)
		snprintf(buf, size, "in bursts");
	return i->has_gemodel || i->has_state || say_ratio(i->loss, buf, size);
}

static bool plan_duplicate(const struct impairment *i, char *buf, size_t size)
{
	return say_ratio(i->duplicate.ratio, buf, size);
}

static bool plan_corrupt(const struct impairment *i, char *buf, size_t size)
{
	return say_ratio(i->corrupt.ratio, buf, size);
}

static bool plan_reorder(const struct impairment *i, char *buf, size_t size)
{
	return say_ratio(i->reorder.ratio, buf, size);
}

static bool plan_delay(const struct impairment *i, char *buf, size_t size)
{
	return say_duration(i->delay_ns, buf, size);
}

static bool plan_jitter(const struct impairment *i, char *buf, size_t size)
{
	return say_duration(i->jitter_ns, buf, size);
}

static bool plan_rate(const struct impairment *i, char *buf, size_t size)
{
	if (i->rate_bps)
		snprintf(buf, size, "%.5g Mbit/s", (double)i->rate_bps / 1e6);
	return i->rate_bps;
}

static bool plan_slot(const struct impairment *i, char *buf, size_t size)
{
	if (i->slot.max_ns)
		snprintf(buf, size, "every %.5g to %.5g ms", (double)i->slot.min_ns / 1e6,
			 (double)i->slot.max_ns / 1e6);
	return i->slot.max_ns;
}

enum model_id { MODEL_LIST, MODEL_LOSS, MODEL_OTHERS };

static const struct model {
	const char *what, *counter;
	bool fault; /* it must take place */
	size_t captured; /* offset in struct match of what captures saw of it, or 0 */
	bool (*plan)(const struct impairment *i, char *buf, size_t size); /* is it planned? */
} models[] = {
	[MODEL_LIST] = { "list", "dropped", true, 0, plan_list },
	[MODEL_LOSS] = { "loss", "dropped", true, 0, plan_loss },
	{ "duplicate", "duplicated", true, offsetof(struct match, duplicated), plan_duplicate },
	{ "corrupt", "corrupted", true, offsetof(struct match, corrupted), plan_corrupt },
	{ "reorder", "reordered", true, offsetof(struct match, overtook), plan_reorder },
	{ "delay", "delayed", false, 0, plan_delay },
	{ "jitter", "delayed", false, 0, plan_jitter },
	{ "rate", "delayed", false, 0, plan_rate },
	{ "slot", "delayed", false, 0, plan_slot },
};

/* --- what was counted ------------------------------------------------------------------------ */

static const json_t *link_of(const struct evidence *e, enum link_id l)
{
	const json_t *link;
	size_t i;

	json_array_foreach (json_object_get(e->execution, "links"), i, link) {
		const char *name = json_string_value(json_object_get(link, "link"));

		if (name && strcmp(name, link_names[l]) == 0)
			return link;
	}
	return NULL;
}

static const json_t *link_counters(const struct evidence *e, enum link_id l, enum direction d)
{
	return json_object_get(link_of(e, l), direction_names[d]);
}

/* How often the @n-th rule of a direction acted, as the link says */
static json_int_t act_count(const struct evidence *e, enum link_id l, enum direction d, size_t n)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(link_of(e, l), "acts"), i, row) {
		const char *direction = json_string_value(json_object_get(row, "direction"));

		if (direction && strcmp(direction, direction_names[d]) == 0 && n-- == 0)
			return json_integer_value(json_object_get(row, "happened"));
	}
	return 0;
}

/* What came of an entry of the timeline, or NULL */
static const json_t *outcome_of(const struct evidence *e, size_t entry)
{
	return json_array_get(json_object_get(e->execution, "timeline"), entry);
}

static const json_t *gained(const struct evidence *e, size_t entry, enum direction d)
{
	return json_object_get(outcome_of(e, entry), direction_names[d]);
}

/* A counter; drops of a block are the block's, and those of a rule are the rule's */
static json_int_t count_of(const json_t *counters, const char *name)
{
	const json_t *value = json_object_get(counters, name);
	json_int_t n = json_integer_value(value);

	if (json_is_null(value))
		return UNKNOWN;
	if (strcmp(name, "dropped") == 0)
		n -= json_integer_value(json_object_get(counters, "blocked")) +
		     json_integer_value(json_object_get(counters, "acted"));
	return n;
}

/* Has an entry a share in what a model counted for a direction? */
static bool shares(const struct timeline_entry *e, enum link_id l, enum direction d,
		   const struct model *m)
{
	char unused[TEXT_MAX];

	return e->what == TIMELINE_IMPAIR && e->link == l && e->on[d] &&
	       m->plan(&e->change.i, unused, sizeof(unused));
}

/* Positions of the list that came by: the frames that it lost */
static json_int_t listed(const struct impairment *i, const json_t *counters, json_int_t dropped)
{
	const json_t *counted = json_object_get(counters, "counted");
	json_int_t n = 0;

	if (!i->drop_len || !json_is_integer(counted))
		return i->drop_len ? dropped : 0;
	while ((size_t)n < i->drop_len && i->drop[n] <= (uint64_t)json_integer_value(counted))
		n++;
	return n < dropped ? n : dropped;
}

/* What the captures saw of a model; frames that were lost by whatever are the upper bound */
static json_int_t seen_by_captures(const struct evidence *e, const struct model *m, enum link_id l,
				   enum direction d)
{
	size_t n;

	if (!e->captured || !m->captured)
		return UNKNOWN;
	memcpy(&n, (const char *)&e->matches[l][d] + m->captured, sizeof(n));
	return (json_int_t)n;
}

static bool is_loss(const struct model *m)
{
	return strcmp(m->counter, "dropped") == 0;
}

/* Whatever the engine says: no loss that the captures do not see */
static json_int_t confirmed(const struct evidence *e, const struct model *m, enum link_id l,
			    enum direction d, json_int_t n)
{
	if (n == UNKNOWN)
		return seen_by_captures(e, m, l, d);
	return is_loss(m) && (!e->captured || !e->matches[l][d].lost) ? 0 : n;
}

/* What a model of the case itself did, without what the timeline did meanwhile */
static json_int_t case_count(const struct evidence *e, const struct model *m, enum link_id l,
			     enum direction d)
{
	const struct timeline *t = &e->c->timeline;
	const json_t *counters = link_counters(e, l, d);
	json_int_t n = count_of(counters, m->counter), of_list;

	for (size_t i = 0; i < t->len && n != UNKNOWN; i++)
		if (shares(&t->entries[i], l, d, m))
			n -= count_of(gained(e, i, d), m->counter);
	of_list = is_loss(m) ? listed(&e->c->impair[l][d], counters, n) : 0;
	if (m == &models[MODEL_LIST])
		n = of_list;
	else if (n != UNKNOWN)
		n -= of_list;
	return confirmed(e, m, l, d, n);
}

/* --- the rows of `detail` -------------------------------------------------------------------- */

struct witness {
	const struct evidence *e;
	json_t *detail, *missing;
	bool planned; /* a fault is */
};

static json_t *number(json_int_t n)
{
	return n == UNKNOWN ? json_null() : json_integer(n);
}

static void add_row(struct witness *w, const char *where, const char *name, const char *direction,
		    const char *what, const char *planned, json_int_t happened, bool fault)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:o, s:b}", where, name, "what", what, "planned",
				planned, "happened", number(happened), "fault", fault);

	if (direction)
		json_object_set_new(row, "direction", json_string(direction));
	json_array_append_new(w->detail, row);
	w->planned |= fault;
}

__attribute__((format(printf, 2, 3))) static void miss(struct witness *w, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(w->missing, json_string(text));
}

/* A list must have taken effect on each link; a random model on one of them */
static void add_model(struct witness *w, const struct model *m)
{
	bool planned = false, happened = false, all = m == &models[MODEL_LIST], failed = false;

	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (enum direction d = 0; d < DIR_COUNT; d++) {
			json_int_t n;
			char text[TEXT_MAX];

			if (!m->plan(&w->e->c->impair[l][d], text, sizeof(text)))
				continue;
			n = case_count(w->e, m, l, d);
			add_row(w, "link", link_names[l], direction_names[d], m->what, text, n,
				m->fault);
			planned = true;
			happened |= n != 0;
			failed |= n == 0;
		}
	if (m->fault && planned && (all ? failed : !happened))
		miss(w, "%s", is_loss(m) ? "loss" : m->what);
}

/* Each rule for messages must have acted; a drop is confirmed by captures */
static void add_acts(struct witness *w, enum link_id l, enum direction d)
{
	const struct acts *acts = &w->e->c->impair[l][d].acts;

	for (size_t i = 0; i < acts->len; i++) {
		const struct act *a = &acts->list[i];
		json_int_t n = act_count(w->e, l, d, i);
		char times[32] = "", planned[TEXT_MAX];

		if (a->kind == ACT_DROP)
			n = confirmed(w->e, &models[MODEL_LOSS], l, d, n);
		if (a->count)
			snprintf(times, sizeof(times), ", at most %llu",
				 (unsigned long long)a->count);
		snprintf(planned, sizeof(planned), "%s%s", a->on.text, times);
		add_row(w, "link", link_names[l], direction_names[d], act_names[a->kind], planned,
			n, true);
		if (!n)
			miss(w, "%s of %s on %s:%s", act_names[a->kind], a->on.text, link_names[l],
			     direction_names[d]);
	}
}

static void add_change(struct witness *w, size_t entry, const struct model *m)
{
	const struct timeline_entry *t = &w->e->c->timeline.entries[entry];
	char text[TEXT_MAX], planned[2 * TEXT_MAX];
	bool happened = false;

	if (!m->plan(&t->change.i, text, sizeof(text)))
		return;
	snprintf(planned, sizeof(planned), "%s %s", text, t->when_text);
	for (enum direction d = 0; d < DIR_COUNT; d++) {
		json_int_t n;

		if (!t->on[d])
			continue;
		n = gained(w->e, entry, d) ? count_of(gained(w->e, entry, d), m->counter) : 0;
		n = confirmed(w->e, m, t->link, d, n);
		add_row(w, "link", link_names[t->link], direction_names[d], m->what, planned, n,
			m->fault);
		happened |= n != 0;
	}
	if (m->fault && !happened)
		miss(w, "%s %s", m->what, t->when_text);
}

/* A block is seen by what it lost; all else of the timeline by that it was done */
static void add_block(struct witness *w, size_t entry)
{
	const struct timeline_entry *t = &w->e->c->timeline.entries[entry];
	bool happened = false;

	for (enum direction d = 0; d < DIR_COUNT; d++) {
		json_int_t n =
			json_integer_value(json_object_get(gained(w->e, entry, d), "blocked"));

		if (!t->on[d])
			continue;
		n = confirmed(w->e, &models[MODEL_LOSS], t->link, d, n);
		add_row(w, "link", link_names[t->link], direction_names[d], "block", t->when_text,
			n, true);
		happened |= n != 0;
	}
	if (!happened)
		miss(w, "block %s", t->when_text);
}

static void add_entry(struct witness *w, size_t entry)
{
	const struct timeline_entry *t = &w->e->c->timeline.entries[entry];
	json_int_t begun = json_integer_value(json_object_get(outcome_of(w->e, entry), "begun"));
	bool node = timeline_is_of_node(t->what);

	if (t->what == TIMELINE_IMPAIR) {
		for (size_t m = 0; m < ARRAY_SIZE(models); m++)
			add_change(w, entry, &models[m]);
		return;
	}
	if (t->what == TIMELINE_BLOCK) {
		add_block(w, entry);
		return;
	}
	add_row(w, node ? "node" : "link", node ? node_names[t->node] : link_names[t->link], NULL,
		t->what_text, t->when_text, begun, true);
	if (!begun)
		miss(w, "%s %s", t->what_text, t->when_text);
}

static void add_option(struct witness *w, const json_t *device, const json_t *option)
{
	const char *name = json_string_value(json_object_get(device, "name"));
	const char *text = json_string_value(json_object_get(option, "option"));
	const char *counter = json_string_value(json_object_get(option, "counter"));
	json_int_t n;

	if (!name || !text || !counter)
		return;
	n = json_integer_value(json_object_get(json_object_get(device, "counters"), counter));
	add_row(w, "device", name, NULL, counter, text, n, true);
	if (!n)
		miss(w, "effect of %s (counter %s)", text, counter);
}

/* What the device counted, without what it did not */
static json_t *device_counters(const json_t *device)
{
	json_t *all = json_object(), *value;
	const char *name;

	json_object_foreach (json_object_get(device, "counters"), name, value)
		if (json_integer_value(value))
			json_object_set(all, name, value);
	return all;
}

/**
 * grade_witness() - Did what the case planned take place?
 *
 * Return: {planned, happened, missing[], detail[], device{}}, a new object; null if nothing
 *	   was planned and the device counted nothing
 */
json_t *grade_witness(const struct evidence *e)
{
	const json_t *device = json_object_get(e->execution, "device"), *option;
	struct witness w = { .e = e, .detail = json_array(), .missing = json_array() };
	json_t *counters = device_counters(device), *all;
	size_t i;

	for (size_t m = 0; m < ARRAY_SIZE(models); m++)
		add_model(&w, &models[m]);
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (enum direction d = 0; d < DIR_COUNT; d++)
			add_acts(&w, l, d);
	for (i = 0; i < e->c->timeline.len; i++)
		add_entry(&w, i);
	json_array_foreach (json_object_get(device, "witness"), i, option)
		add_option(&w, device, option);
	all = json_pack("{s:b, s:b, s:O, s:O, s:O}", "planned", w.planned, "happened",
			!json_array_size(w.missing), "missing", w.missing, "detail", w.detail,
			"device", counters);
	if (!json_array_size(w.detail) && !json_object_size(counters)) {
		json_decref(all);
		all = json_null();
	}
	json_decref(w.detail);
	json_decref(w.missing);
	json_decref(counters);
	return all;
}
