// SPDX-License-Identifier: Apache-2.0
/*
 * An entry of `timeline` says when and what.  It is read in three steps: its keys by a
 * table; the form of its "when"; the one thing that it does.  Then the list as a whole:
 * each `do: up` closes the `do: down` before it, and what contradicts another is an
 * error.  What needs the rest of the case is checked last, by timeline_check().
 *
 * A change without an end ("at" alone) stays until another one of the same key; a window
 * lies over it and gives it back.
 */
#include "spec/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/units.h"
#include "spec/capability.h"
#include "spec/schema.h"

#define LONGEST_NS (7ULL * 24 * 3600 * NS_PER_S)
#define MTU_MIN	   68 /* RFC 791 section 3.2: the least that IPv4 needs */
#define MTU_MIN_V6 1280 /* RFC 8200 section 5 */
#define KEYS_MAX   48
#define EDGES	   16 /* of each entry that are looked at for contradictions */

const char *const timeline_what_names[TIMELINE_WHATS] = {
	[TIMELINE_IMPAIR] = "impair", [TIMELINE_BLOCK] = "block",	[TIMELINE_DOWN] = "down",
	[TIMELINE_MTU] = "mtu",	      [TIMELINE_RENUMBER] = "renumber", [TIMELINE_CRASH] = "crash",
	[TIMELINE_ASK] = "ask",
};

enum doing {
	DO_DOWN,
	DO_UP,
	DO_BLOCK,
	DO_RENUMBER,
	DO_CRASH,
	DO_REKEY_CHILD,
	DO_REKEY_IKE,
	DO_LIVENESS,
};
static const char *const doing_words[] = {
	[DO_DOWN] = "down",
	[DO_UP] = "up",
	[DO_BLOCK] = "block",
	[DO_RENUMBER] = "renumber",
	[DO_CRASH] = "crash",
	[DO_REKEY_CHILD] = "rekey-child", /* these are capabilities, each with its verb */
	[DO_REKEY_IKE] = "rekey-ike",
	[DO_LIVENESS] = "liveness",
};
static const enum timeline_what whats[] = {
	[DO_DOWN] = TIMELINE_DOWN,     [DO_UP] = TIMELINE_DOWN,
	[DO_BLOCK] = TIMELINE_BLOCK,   [DO_RENUMBER] = TIMELINE_RENUMBER,
	[DO_CRASH] = TIMELINE_CRASH,   [DO_REKEY_CHILD] = TIMELINE_ASK,
	[DO_REKEY_IKE] = TIMELINE_ASK, [DO_LIVENESS] = TIMELINE_ASK,
};

#define DIR_BOTH DIR_COUNT
static const char *const direction_words[] = {
	[DIR_UP] = "up",
	[DIR_DOWN] = "down",
	[DIR_BOTH] = "both",
};

/* An entry as it is written */
struct draft {
	struct timeline_entry e;
	yaml_node_t *node;
	uint64_t at, from, to, every, length;
	int direction, doing;
	bool up; /* it ends an outage that another entry begins */
};

enum {
	KEY_AT,
	KEY_FROM,
	KEY_TO,
	KEY_EVERY,
	KEY_FOR,
	KEY_LINK,
	KEY_DIRECTION,
	KEY_NODE,
	KEY_DO,
	KEY_MTU,
	KEYS
};

#define TIME_KEY(key_name, member)                                                                 \
	{                                                                                          \
		.name = (key_name), .kind = SCHEMA_DURATION,                                       \
		.offset = offsetof(struct draft, member), .max = LONGEST_NS, .range = "0s to 168h" \
	}

static const struct schema_key keys[KEYS] = {
	[KEY_AT] = TIME_KEY("at", at),
	[KEY_FROM] = TIME_KEY("from", from),
	[KEY_TO] = TIME_KEY("to", to),
	[KEY_EVERY] = { .name = "every",
			.kind = SCHEMA_DURATION,
			.offset = offsetof(struct draft, every),
			.min = NS_PER_MS,
			.max = LONGEST_NS,
			.range = "1ms to 168h" },
	[KEY_FOR] = { .name = "for",
		      .kind = SCHEMA_DURATION,
		      .offset = offsetof(struct draft, length),
		      .min = 1,
		      .max = LONGEST_NS,
		      .range = "more than 0s, at most 168h" },
	[KEY_LINK] = { .name = "link",
		       .kind = SCHEMA_WORD,
		       .offset = offsetof(struct draft, e.link),
		       .words = link_names,
		       .words_len = LINK_COUNT },
	[KEY_DIRECTION] = { .name = "direction",
			    .kind = SCHEMA_WORD,
			    .fallback = "both",
			    .offset = offsetof(struct draft, direction),
			    .words = direction_words,
			    .words_len = ARRAY_SIZE(direction_words) },
	[KEY_NODE] = { .name = "node",
		       .kind = SCHEMA_WORD,
		       .offset = offsetof(struct draft, e.node),
		       .words = node_names,
		       .words_len = NODE_COUNT },
	[KEY_DO] = { .name = "do",
		     .kind = SCHEMA_WORD,
		     .offset = offsetof(struct draft, doing),
		     .words = doing_words,
		     .words_len = ARRAY_SIZE(doing_words) },
	[KEY_MTU] = { .name = "mtu",
		      .kind = SCHEMA_COUNT,
		      .offset = offsetof(struct draft, e.mtu),
		      .min = MTU_MIN,
		      .max = TIMELINE_MTU_MAX,
		      .range = "68 to 1500 bytes" },
};

/* Keys of an impairment are read by their own folder of rules: here they are only known */
static bool accept(struct document *doc, yaml_node_t *node, void *out)
{
	(void)doc, (void)node, (void)out;
	return true;
}

static void all_keys(struct schema_key ret[KEYS_MAX])
{
	const char *name;
	size_t n = KEYS;

	memset(ret, 0, KEYS_MAX * sizeof(*ret));
	memcpy(ret, keys, sizeof(keys));
	for (size_t i = 0; (name = impairment_change_key(i)); i++) {
		if (n >= KEYS_MAX - 1)
			abort();
		ret[n++] = (struct schema_key){ .name = name, .kind = SCHEMA_OWN, .read = accept };
	}
}

/* --- when ----------------------------------------------------------------------------- */

static const yaml_node_t *said(struct document *doc, const struct draft *d, int key)
{
	return document_find(doc, d->node, keys[key].name);
}

static const char *text_of(struct document *doc, const struct draft *d, int key)
{
	const yaml_node_t *value = said(doc, d, key);

	return value ? document_text(value) : NULL;
}

static bool read_at(struct document *doc, struct draft *d)
{
	const char *at = text_of(doc, d, KEY_AT);

	if (said(doc, d, KEY_FROM) || said(doc, d, KEY_TO) || said(doc, d, KEY_EVERY))
		return document_error(doc, said(doc, d, KEY_AT),
				      "'at' is one time: write 'for' beside it, or else 'from' and "
				      "'to', or 'every' and 'for'");
	d->e.when = (struct when){ .from_ns = d->at,
				   .length_ns = said(doc, d, KEY_FOR) ? d->length : WHEN_NEVER };
	d->e.when_text = said(doc, d, KEY_FOR)
				 ? io_printf("at %s for %s", at, text_of(doc, d, KEY_FOR))
				 : io_printf("at %s", at);
	return true;
}

static bool read_window(struct document *doc, struct draft *d)
{
	if (!said(doc, d, KEY_TO))
		return document_error(doc, said(doc, d, KEY_FROM),
				      "'from' needs 'to': for a change that stays write 'at'");
	if (said(doc, d, KEY_FOR))
		return document_error(doc, said(doc, d, KEY_FOR),
				      "'to' says when it ends already: keep one of them");
	if (d->to <= d->from)
		return document_error(doc, said(doc, d, KEY_TO), "'to' must be after 'from'");
	d->e.when = (struct when){ .from_ns = d->from, .length_ns = d->to - d->from };
	d->e.when_text =
		io_printf("from %s to %s", text_of(doc, d, KEY_FROM), text_of(doc, d, KEY_TO));
	return true;
}

static bool read_every(struct document *doc, struct draft *d)
{
	const char *length = text_of(doc, d, KEY_FOR), *from = text_of(doc, d, KEY_FROM);
	const char *to = text_of(doc, d, KEY_TO);

	if (said(doc, d, KEY_FOR) && d->length >= d->every)
		return document_error(doc, said(doc, d, KEY_FOR),
				      "'for' must be shorter than 'every': it would never end");
	if (said(doc, d, KEY_TO) && d->to <= (said(doc, d, KEY_FROM) ? d->from : d->every))
		return document_error(doc, said(doc, d, KEY_TO),
				      "'to' is before the first time: nothing would ever happen");
	d->e.when = (struct when){
		.from_ns = said(doc, d, KEY_FROM) ? d->from : d->every,
		.length_ns = said(doc, d, KEY_FOR) ? d->length : WHEN_NEVER,
		.every_ns = d->every,
		.until_ns = said(doc, d, KEY_TO) ? d->to : WHEN_NEVER,
	};
	d->e.when_text =
		io_printf("every %s%s%s%s%s%s%s", text_of(doc, d, KEY_EVERY), length ? " for " : "",
			  length ? length : "", from ? " from " : "", from ? from : "",
			  to ? " to " : "", to ? to : "");
	return true;
}

static bool read_when(struct document *doc, struct draft *d)
{
	if (said(doc, d, KEY_AT))
		return read_at(doc, d);
	if (said(doc, d, KEY_EVERY))
		return read_every(doc, d);
	if (said(doc, d, KEY_FROM))
		return read_window(doc, d);
	return document_error(doc, d->node,
			      "say when: write 'at', 'from' and 'to', or 'every' and 'for'");
}

/* --- what ------------------------------------------------------------------------------- */

/* "loss 10%, delay 20ms", as written */
static char *impair_text(struct document *doc, const struct draft *d)
{
	char *text = io_printf("%s", "");
	const char *name;

	for (size_t i = 0; (name = impairment_change_key(i)); i++) {
		const yaml_node_t *value = document_find(doc, d->node, name);
		char *longer;

		if (!value)
			continue;
		longer = io_printf("%s%s%s%s%s", text, *text ? ", " : "", name,
				   document_text(value) ? " " : "",
				   document_text(value) ? document_text(value) : "");
		free(text);
		text = longer;
	}
	return text;
}

static bool read_what(struct document *doc, struct draft *d)
{
	bool impairs, has_do = said(doc, d, KEY_DO), has_mtu = said(doc, d, KEY_MTU);

	if (!impairment_read_change(doc, d->node, &d->e.change))
		return false;
	impairs = d->e.change.said;
	if (has_do + has_mtu + impairs != 1)
		return document_error(doc, d->node,
				      "an entry does one thing: write 'do', 'mtu', or keys of "
				      "'impair' that change%s",
				      (has_do + has_mtu + impairs) ? "" : " (here is none)");
	d->e.what = has_do ? whats[d->doing] : has_mtu ? TIMELINE_MTU : TIMELINE_IMPAIR;
	d->up = has_do && d->doing == DO_UP;
	if (d->e.what == TIMELINE_ASK)
		d->e.ask = capability_find(doing_words[d->doing]);
	d->e.what_text = impairs    ? impair_text(doc, d)
			 : has_mtu  ? io_printf("mtu %s", text_of(doc, d, KEY_MTU))
			 : d->e.ask ? io_printf("%s", d->e.ask->word)
				    : io_printf("%s", timeline_what_names[d->e.what]);
	return true;
}

static bool check_link(struct document *doc, struct draft *d)
{
	if (said(doc, d, KEY_NODE))
		return document_error(doc, said(doc, d, KEY_NODE),
				      "'%s' is done to a link: write 'link'", d->e.what_text);
	if (!said(doc, d, KEY_LINK))
		return document_error(doc, d->node, "key 'link' is missing: write it");
	if (said(doc, d, KEY_DIRECTION) &&
	    (d->e.what == TIMELINE_DOWN || d->e.what == TIMELINE_MTU))
		return document_error(doc, said(doc, d, KEY_DIRECTION),
				      "'%s' is of a whole link, not of a direction%s",
				      d->up ? "up" : d->e.what_text,
				      d->e.what == TIMELINE_DOWN ? ": for one direction write "
								   "'do: block'"
								 : "");
	if (d->up && (!said(doc, d, KEY_AT) || said(doc, d, KEY_FOR)))
		return document_error(doc, said(doc, d, KEY_DO),
				      "'up' ends a 'do: down': write 'at' alone");
	for (int dir = 0; dir < DIR_COUNT; dir++)
		d->e.on[dir] = d->direction == DIR_BOTH || d->direction == dir;
	return true;
}

/* Why an entry of this kind cannot be of this node, or NULL */
static const char *wrong_node(const struct timeline_entry *e)
{
	if (e->what == TIMELINE_RENUMBER)
		return e->node == NODE_CLIENT
			       ? NULL
			       : "gives the client another outer address: write 'node: client'";
	if (e->what == TIMELINE_CRASH)
		return e->node == NODE_HEADEND
			       ? NULL
			       : "is of the head-end, whose client has to recover: write "
				 "'node: headend'";
	return e->node == NODE_CLIENT || e->node == NODE_HEADEND
		       ? NULL
		       : "is asked of a target: write 'node: client' or 'node: headend'";
}

/* A moment, again and again or once; a crash is a window: how long nobody is there */
static bool check_moments(struct document *doc, struct draft *d)
{
	bool window = said(doc, d, KEY_FOR) || (said(doc, d, KEY_FROM) && !said(doc, d, KEY_EVERY));

	if (d->e.what == TIMELINE_CRASH)
		return window || document_error(doc, d->node,
						"say how long nobody is there: write 'for' beside "
						"'at' or 'every', or 'from' and 'to'");
	if (window)
		return document_error(
			doc, said(doc, d, KEY_FOR) ? said(doc, d, KEY_FOR) : said(doc, d, KEY_FROM),
			"'%s' is done at once%s: write 'at', or 'every' without 'for'",
			d->e.what_text,
			d->e.what == TIMELINE_RENUMBER ? ", and the old address does not come back"
						       : "");
	d->e.when.length_ns = 0;
	return true;
}

static bool check_node(struct document *doc, struct draft *d)
{
	if (said(doc, d, KEY_LINK) || said(doc, d, KEY_DIRECTION))
		return document_error(doc,
				      said(doc, d, KEY_LINK) ? said(doc, d, KEY_LINK)
							     : said(doc, d, KEY_DIRECTION),
				      "'%s' is done to a node: write 'node'", d->e.what_text);
	if (!said(doc, d, KEY_NODE))
		return document_error(doc, d->node, "key 'node' is missing: write it");
	if (wrong_node(&d->e))
		return document_error(doc, said(doc, d, KEY_NODE), "'%s' %s", d->e.what_text,
				      wrong_node(&d->e));
	return check_moments(doc, d);
}

static bool check_end(struct document *doc, struct draft *d)
{
	if (said(doc, d, KEY_EVERY) && d->e.when.length_ns == WHEN_NEVER)
		return document_error(doc, said(doc, d, KEY_EVERY),
				      "'every' needs 'for': how long each time");
	return true;
}

static bool read_entry(struct document *doc, yaml_node_t *node, struct draft *d)
{
	struct schema_key table[KEYS_MAX];

	all_keys(table);
	d->node = node;
	d->e.line = document_place(node).line;
	return schema_read(doc, node, table, d) && read_when(doc, d) && read_what(doc, d) &&
	       (timeline_is_of_node(d->e.what) ? check_node(doc, d) : check_link(doc, d)) &&
	       check_end(doc, d);
}

/* --- the list --------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;

	if (x->e.when.from_ns != y->e.when.from_ns)
		return x->e.when.from_ns < y->e.when.from_ns ? -1 : 1;
	return x->e.item < y->e.item ? -1 : 1;
}

/* The outage that is open when @up comes, or NULL */
static struct draft *open_outage(struct draft *drafts, const struct draft *up)
{
	for (struct draft *d = drafts; d < up; d++)
		if (!d->up && d->e.what == TIMELINE_DOWN && d->e.link == up->e.link &&
		    d->e.when.length_ns == WHEN_NEVER && d->e.when.from_ns < up->e.when.from_ns)
			return d;
	return NULL;
}

/* Let each 'up' end the outage before it; nothing is left of it but the end */
static void join_outages(struct document *doc, struct draft *drafts, size_t len)
{
	for (struct draft *up = drafts; up < drafts + len; up++) {
		struct draft *down = up->up ? open_outage(drafts, up) : NULL;

		if (up->up && !down)
			document_error(doc, up->node,
				       "this link is not down here: write 'do: "
				       "down' with an earlier 'at'");
		if (!down)
			continue;
		free(down->e.when_text);
		down->e.when_text = io_printf("from %s to %s", text_of(doc, down, KEY_AT),
					      text_of(doc, up, KEY_AT));
		down->e.when.length_ns = up->e.when.from_ns - down->e.when.from_ns;
	}
}

/* Would both say the same thing of the same link and direction? */
static bool same_thing(const struct timeline_entry *a, const struct timeline_entry *b)
{
	if (a->what != b->what)
		return false;
	if (timeline_is_of_node(a->what))
		return a->node == b->node && a->ask == b->ask;
	if (a->link != b->link)
		return false;
	if (a->what == TIMELINE_DOWN || a->what == TIMELINE_MTU)
		return true;
	if ((!a->on[DIR_UP] || !b->on[DIR_UP]) && (!a->on[DIR_DOWN] || !b->on[DIR_DOWN]))
		return false;
	return a->what == TIMELINE_BLOCK || a->change.said & b->change.said;
}

/* A value that stays lies under windows; an outage that stays lies under nothing */
static bool lies_under(const struct timeline_entry *e)
{
	return e->when.length_ns == WHEN_NEVER &&
	       (e->what == TIMELINE_IMPAIR || e->what == TIMELINE_MTU);
}

static bool contradict(const struct timeline_entry *a, const struct timeline_entry *b)
{
	if (!same_thing(a, b))
		return false;
	if (lies_under(a) && lies_under(b))
		return a->when.from_ns == b->when.from_ns;
	if (lies_under(a) || lies_under(b))
		return false;
	if (a->when.length_ns == 0) /* moments */
		return a->when.from_ns == b->when.from_ns;
	return when_meet(&a->when, &b->when);
}

static void check_list(struct document *doc, const struct draft *drafts, size_t len)
{
	for (size_t i = 0; i < len; i++)
		for (size_t j = 0; j < i; j++)
			if (!drafts[i].up && !drafts[j].up &&
			    contradict(&drafts[i].e, &drafts[j].e))
				document_error(doc, drafts[i].node,
					       "'%s' meets that of line %u at the same time: keep "
					       "them apart",
					       drafts[i].e.what_text, drafts[j].e.line);
}

static void release_entry(struct timeline_entry *e)
{
	free(e->what_text);
	free(e->when_text);
}

/** timeline_is_of_node() - Is it done to a node? Else to a link */
bool timeline_is_of_node(enum timeline_what what)
{
	return what == TIMELINE_RENUMBER || what == TIMELINE_CRASH || what == TIMELINE_ASK;
}

/**
 * timeline_read() - Read the list `timeline`
 * @doc:	The document; notes the errors
 * @node:	The list
 * @ret_timeline: struct timeline, zeroed; release it with timeline_release() also after
 *		an error
 *
 * Return: true if nothing was wrong
 */
bool timeline_read(struct document *doc, yaml_node_t *node, void *ret_timeline)
{
	struct timeline *t = ret_timeline;
	AUTO_FREE struct draft *drafts = NULL;
	unsigned before = doc->errors_len;
	size_t len;

	if (node->type != YAML_SEQUENCE_NODE)
		return document_error(doc, node,
				      "'timeline' must be a list: write an item per change, "
				      "- {at: 5s, link: outside, mtu: 1280}");
	len = document_items(node);
	drafts = calloc(len + 1, sizeof(*drafts));
	t->entries = calloc(len + 1, sizeof(*t->entries));
	if (!drafts || !t->entries)
		abort();
	for (size_t i = 0; i < len; i++) {
		drafts[i].e.item = i;
		read_entry(doc, document_item(doc, node, i), &drafts[i]);
	}
	if (doc->errors_len == before && len) {
		qsort(drafts, len, sizeof(*drafts), by_time);
		join_outages(doc, drafts, len);
		check_list(doc, drafts, len);
	}
	for (size_t i = 0; i < len; i++)
		if (drafts[i].up)
			release_entry(&drafts[i].e);
		else
			t->entries[t->len++] = drafts[i].e;
	return doc->errors_len == before;
}

/** timeline_release() - Free what a timeline holds; idempotent */
void timeline_release(struct timeline *t)
{
	for (size_t i = 0; i < t->len; i++)
		release_entry(&t->entries[i]);
	free(t->entries);
	*t = (struct timeline){ 0 };
}

/* --- what needs the rest of the case -------------------------------------------------------- */

struct check {
	struct document *doc;
	struct spec_case *c;
	yaml_node_t *list, *impair;
};

static yaml_node_t *node_of(const struct check *k, const struct timeline_entry *e)
{
	return document_item(k->doc, k->list, e->item);
}

/* All that hold at a time for a direction, a window behind what it lies over */
static void check_moment(const struct check *k, enum link_id link, enum direction d, uint64_t t_ns)
{
	const struct timeline *t = &k->c->timeline;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds */
	AUTO_FREE yaml_node_t **nodes = calloc(t->len, sizeof(*nodes));
	size_t len = 0;

	if (!nodes)
		abort();
	for (int windows = 0; windows < 2; windows++)
		for (size_t i = 0; i < t->len; i++) {
			const struct timeline_entry *e = &t->entries[i];

			if (e->what == TIMELINE_IMPAIR && e->link == link && e->on[d] &&
			    lies_under(e) != windows && when_active(&e->when, t_ns))
				nodes[len++] = node_of(k, e);
		}
	if (len)
		impairment_check_change(k->doc, k->impair, link, d, nodes, len);
}

static void check_values(const struct check *k, const struct timeline_entry *e)
{
	uint64_t t = e->when.from_ns;

	for (int n = 0; n < EDGES && t != WHEN_NEVER; n++, t = when_next(&e->when, t + 1))
		for (enum direction d = 0; d < DIR_COUNT; d++)
			if (e->on[d])
				check_moment(k, e->link, d, t);
}

/* The end of what the case sends; WHEN_NEVER: nobody knows it before */
static uint64_t end_of_traffic(const struct spec_case *c)
{
	uint64_t end = 0;

	for (size_t i = 0; i < c->traffic_len; i++) {
		const struct traffic *t = &c->traffic[i];

		if (t->kind != TRAFFIC_ECHO)
			return WHEN_NEVER;
		if (t->start_ns + t->duration_ns + t->timeout_ns > end)
			end = t->start_ns + t->duration_ns + t->timeout_ns;
	}
	return c->idle_ns ? WHEN_NEVER : end;
}

static void check_entry(const struct check *k, const struct timeline_entry *e)
{
	if (e->what == TIMELINE_MTU && e->mtu < MTU_MIN_V6 && k->c->ipv6)
		document_error(k->doc, document_find(k->doc, node_of(k, e), "mtu"),
			       "IPv6 needs an MTU of at least %d (RFC 8200 section 5)", MTU_MIN_V6);
	if ((e->what == TIMELINE_CRASH || e->what == TIMELINE_ASK) && !spec_case_has_tunnel(k->c))
		document_error(k->doc, node_of(k, e),
			       "no target runs where all traffic is 'outer: yes'");
	if (e->when.from_ns >= end_of_traffic(k->c))
		document_error(k->doc, node_of(k, e),
			       "the traffic has ended by then: nothing would happen");
	if (e->what == TIMELINE_IMPAIR)
		check_values(k, e);
}

/**
 * timeline_check() - What a timeline may not be in its case, and what follows from it
 * @doc:	The document; notes the errors
 * @c:		The case, read without errors; a link that the timeline changes and that
 *		has no engine gets netem
 */
void timeline_check(struct document *doc, struct spec_case *c)
{
	struct check k = { doc, c, document_find(doc, document_root(doc), "timeline"),
			   document_find(doc, document_root(doc), "impair") };

	for (size_t i = 0; i < c->timeline.len; i++) {
		const struct timeline_entry *e = &c->timeline.entries[i];
		struct impairment *up, *down;

		check_entry(&k, e);
		if (timeline_is_of_node(e->what) || e->what == TIMELINE_MTU)
			continue;
		up = &c->impair[e->link][DIR_UP];
		down = &c->impair[e->link][DIR_DOWN];
		if (!up->engine && !down->engine)
			up->engine = down->engine = ENGINE_NETEM;
		if (e->what == TIMELINE_IMPAIR)
			c->planned_loss |= impairment_loses(&e->change.i);
	}
}
