// SPDX-License-Identifier: Apache-2.0
/*
 * An entry of `impair` names a link and a direction and says some keys of it.
 * Several entries for one direction are merged, as long as no key is said
 * twice; what an engine cannot do is checked after the last entry, because the
 * engine may stand in another entry than the key.
 */
#include "spec/impairment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "spec/act.h"
#include "spec/impairment-values.h"
#include "spec/schema.h"

const char *const link_names[LINK_COUNT] = {
	[LINK_ACCESS] = "access",
	[LINK_OUTSIDE] = "outside",
	[LINK_INSIDE] = "inside",
	[LINK_LAN] = "lan",
};

const char *const node_names[NODE_COUNT] = {
	[NODE_CLIENT] = "client",   [NODE_INTERNET] = "internet", [NODE_MIDDLEBOX] = "middlebox",
	[NODE_HEADEND] = "headend", [NODE_SERVER] = "server",
};

const char *const direction_names[DIR_COUNT] = { [DIR_UP] = "up", [DIR_DOWN] = "down" };

const char *const impair_engine_names[ENGINE_COUNT] = {
	[ENGINE_NONE] = "none",
	[ENGINE_NETEM] = "netem",
	[ENGINE_WIRE] = "wire",
};

const char *const distribution_names[DISTRIBUTION_COUNT] = {
	[DISTRIBUTION_UNIFORM] = "uniform",
	[DISTRIBUTION_NORMAL] = "normal",
	[DISTRIBUTION_PARETO] = "pareto",
	[DISTRIBUTION_PARETONORMAL] = "paretonormal",
};

#define DIR_BOTH DIR_COUNT
static const char *const direction_words[] = {
	[DIR_UP] = "up",
	[DIR_DOWN] = "down",
	[DIR_BOTH] = "both",
};

static const char *const count_words[] = { [COUNT_FRAMES] = "frames", [COUNT_PAYLOAD] = "payload" };
static const char *const arm_words[] = { [ARM_START] = "start", [ARM_UP] = "up" };

static_assert(sizeof(enum impair_engine) == sizeof(int), "SCHEMA_WORD writes an int");

#define NETEM_JITTER_MAX 2147483647ULL /* ns: the kernel cuts what is above in silence */

/* An engine that was named cannot be "none": that is what no entry means */
static bool read_engine(struct document *doc, yaml_node_t *node, void *out)
{
	static const struct schema_key key = {
		.name = "engine",
		.kind = SCHEMA_WORD,
		.words = impair_engine_names + ENGINE_NETEM,
		.words_len = ENGINE_COUNT - ENGINE_NETEM,
	};
	int word;

	if (!schema_value(doc, node, &key, &word))
		return false;
	*(enum impair_engine *)out = (enum impair_engine)(ENGINE_NETEM + word);
	return true;
}

static const struct schema_key position = { .kind = SCHEMA_COUNT };

enum {
	KEY_LINK,
	KEY_DIRECTION,
	KEY_ENGINE,
	KEY_DELAY,
	KEY_JITTER,
	KEY_DELAY_CORRELATION,
	KEY_DISTRIBUTION,
	KEY_LOSS,
	KEY_GEMODEL,
	KEY_STATE,
	KEY_DUPLICATE,
	KEY_DUPLICATE_CORRELATION,
	KEY_CORRUPT,
	KEY_CORRUPT_CORRELATION,
	KEY_REORDER,
	KEY_GAP,
	KEY_REORDER_CORRELATION,
	KEY_RATE,
	KEY_OVERHEAD,
	KEY_LIMIT,
	KEY_SLOT,
	KEY_DROP,
	KEY_COUNT,
	KEY_ACT,
	KEY_ARM,
	KEYS,
};
static_assert(KEYS < KEYS_MAX, "said[] has a place for each key");

#define RATIO(word, field)                                                                         \
	{                                                                                          \
		.name = (word), .kind = SCHEMA_RATIO, .offset = offsetof(struct slot, i.field)     \
	}
#define CORRELATION(word, field)                                                                   \
	{                                                                                          \
		.name = (word), .kind = SCHEMA_OWN, .offset = offsetof(struct slot, i.field),      \
		.read = impairment_read_correlation                                                \
	}

static const struct schema_key keys[KEYS + 1] = {
	[KEY_LINK] = { .name = "link",
		       .kind = SCHEMA_WORD,
		       .required = true,
		       .offset = offsetof(struct slot, link),
		       .words = link_names,
		       .words_len = LINK_COUNT },
	[KEY_DIRECTION] = { .name = "direction",
			    .kind = SCHEMA_WORD,
			    .fallback = "both",
			    .offset = offsetof(struct slot, direction),
			    .words = direction_words,
			    .words_len = ARRAY_SIZE(direction_words) },
	[KEY_ENGINE] = { .name = "engine",
			 .kind = SCHEMA_OWN,
			 .offset = offsetof(struct slot, i.engine),
			 .read = read_engine },
	[KEY_DELAY] = { .name = "delay",
			.kind = SCHEMA_DURATION,
			.offset = offsetof(struct slot, i.delay_ns),
			.max = 3600 * NS_PER_S,
			.range = "0s to 1h" },
	[KEY_JITTER] = { .name = "jitter",
			 .kind = SCHEMA_DURATION,
			 .offset = offsetof(struct slot, i.jitter_ns) },
	[KEY_DELAY_CORRELATION] = CORRELATION("delay-correlation", delay_correlation),
	[KEY_DISTRIBUTION] = { .name = "distribution",
			       .kind = SCHEMA_WORD,
			       .offset = offsetof(struct slot, i.distribution),
			       .words = distribution_names,
			       .words_len = DISTRIBUTION_COUNT },
	[KEY_LOSS] = { .name = "loss",
		       .kind = SCHEMA_OWN,
		       .offset = offsetof(struct slot, i.loss),
		       .read = impairment_read_loss },
	[KEY_GEMODEL] = { .name = "gemodel",
			  .kind = SCHEMA_MAPPING,
			  .offset = offsetof(struct slot, i.gemodel),
			  .keys = impairment_gemodel_keys },
	[KEY_STATE] = { .name = "state",
			.kind = SCHEMA_MAPPING,
			.offset = offsetof(struct slot, i.state),
			.keys = impairment_state_keys,
			.check = impairment_check_state },
	[KEY_DUPLICATE] = RATIO("duplicate", duplicate.ratio),
	[KEY_DUPLICATE_CORRELATION] = CORRELATION("duplicate-correlation", duplicate.correlation),
	[KEY_CORRUPT] = RATIO("corrupt", corrupt.ratio),
	[KEY_CORRUPT_CORRELATION] = CORRELATION("corrupt-correlation", corrupt.correlation),
	[KEY_REORDER] = RATIO("reorder", reorder.ratio),
	[KEY_GAP] = { .name = "gap",
		      .kind = SCHEMA_COUNT,
		      .offset = offsetof(struct slot, i.gap),
		      .min = 1,
		      .max = UINT32_MAX,
		      .range = "1 to 4294967295 packets" },
	[KEY_REORDER_CORRELATION] = CORRELATION("reorder-correlation", reorder.correlation),
	[KEY_RATE] = { .name = "rate",
		       .kind = SCHEMA_RATE,
		       .offset = offsetof(struct slot, i.rate_bps),
		       .min = 1000,
		       .max = 1000000000000,
		       .range = "1kbit to 1000gbit" },
	[KEY_OVERHEAD] = { .name = "overhead",
			   .kind = SCHEMA_SIZE,
			   .offset = offsetof(struct slot, i.overhead),
			   .max = 65535,
			   .range = "0 to 65535 bytes" },
	[KEY_LIMIT] = { .name = "limit",
			.kind = SCHEMA_COUNT,
			.offset = offsetof(struct slot, i.limit),
			.min = 1,
			.max = UINT32_MAX,
			.range = "1 to 4294967295 packets" },
	[KEY_SLOT] = { .name = "slot",
		       .kind = SCHEMA_MAPPING,
		       .offset = offsetof(struct slot, i.slot),
		       .keys = impairment_slot_keys,
		       .check = impairment_check_slots },
	[KEY_DROP] = { .name = "drop",
		       .kind = SCHEMA_LIST,
		       .offset = offsetof(struct slot, i.drop),
		       .len_offset = offsetof(struct slot, i.drop_len),
		       .item = &position,
		       .item_size = sizeof(uint64_t),
		       .check = impairment_check_drop },
	[KEY_COUNT] = { .name = "count",
			.kind = SCHEMA_WORD,
			.offset = offsetof(struct slot, i.count),
			.words = count_words,
			.words_len = ARRAY_SIZE(count_words) },
	[KEY_ACT] = { .name = "act",
		      .kind = SCHEMA_OWN,
		      .offset = offsetof(struct slot, i.acts),
		      .read = acts_read },
	[KEY_ARM] = { .name = "arm",
		      .kind = SCHEMA_WORD,
		      .offset = offsetof(struct slot, i.arm),
		      .words = arm_words,
		      .words_len = ARRAY_SIZE(arm_words) },
};

/* What one engine alone can do */
static const struct {
	int key;
	enum impair_engine engine;
	const char *why;
} only[] = {
	{ KEY_DELAY_CORRELATION, ENGINE_WIRE,
	  "the kernel takes the draw modulo twice the jitter, and no correlation is left" },
	{ KEY_DROP, ENGINE_WIRE, "netem cannot lose frames by position" },
	{ KEY_COUNT, ENGINE_WIRE, "only a drop list counts" },
	{ KEY_ACT, ENGINE_WIRE, "netem does not know what a packet means" },
};

/* What means nothing without another key */
static const struct {
	int key, other;
	const char *why;
} needs[] = {
	{ KEY_JITTER, KEY_DELAY, "no packet can arrive before it was sent" },
	{ KEY_DISTRIBUTION, KEY_JITTER, "it is the jitter's" },
	{ KEY_DELAY_CORRELATION, KEY_JITTER, "it is the jitter's" },
	{ KEY_DUPLICATE_CORRELATION, KEY_DUPLICATE, "it is its correlation" },
	{ KEY_CORRUPT_CORRELATION, KEY_CORRUPT, "it is its correlation" },
	{ KEY_REORDER_CORRELATION, KEY_REORDER, "it is its correlation" },
	{ KEY_REORDER, KEY_DELAY, "a frame that does not wait overtakes those that do" },
	{ KEY_GAP, KEY_REORDER, "it says which frames may be reordered" },
	{ KEY_OVERHEAD, KEY_RATE, "it is what the rate counts besides" },
	{ KEY_COUNT, KEY_DROP, "it says what a drop list counts" },
};

static const int loss_models[] = { KEY_LOSS, KEY_GEMODEL, KEY_STATE };

/* What waits for 'arm' */
static const int armed[] = { KEY_LOSS, KEY_GEMODEL,   KEY_STATE,   KEY_DROP,
			     KEY_ACT,  KEY_DUPLICATE, KEY_CORRUPT, KEY_REORDER };

/** impairment_loses() - Does this impairment plan to lose packets? */
bool impairment_loses(const struct impairment *i)
{
	for (size_t n = 0; n < i->acts.len; n++)
		if (i->acts.list[n].kind == ACT_DROP)
			return true;
	return i->loss > 0 || i->has_gemodel || i->has_state || i->drop_len;
}

/** impairment_release() - Free what an impairment holds; idempotent */
void impairment_release(struct impairment *i)
{
	free(i->drop);
	i->drop = NULL;
	i->drop_len = 0;
	acts_release(&i->acts);
}

static void check_models(struct document *doc, const yaml_node_t *const *said)
{
	const yaml_node_t *first = NULL;
	const char *first_name = NULL;

	for (size_t n = 0; n < ARRAY_SIZE(loss_models); n++) {
		const yaml_node_t *model = said[loss_models[n]];

		if (model && first)
			document_error(doc, model,
				       "'%s' and '%s' are two models of loss: keep one of them",
				       first_name, keys[loss_models[n]].name);
		if (model && !first) {
			first = model;
			first_name = keys[loss_models[n]].name;
		}
	}
}

static bool says_any(const yaml_node_t *const *said, const int *which, size_t len)
{
	for (size_t n = 0; n < len; n++)
		if (said[which[n]])
			return true;
	return false;
}

/* What the merged keys of one direction may not be together */
static void check_slot(struct document *doc, struct slot *s)
{
	const yaml_node_t *const *said = s->said;

	for (size_t n = 0; n < ARRAY_SIZE(only); n++)
		if (said[only[n].key] && s->i.engine != only[n].engine)
			document_error(doc, said[only[n].key],
				       "'%s' needs engine: %s (here it is %s): %s",
				       keys[only[n].key].name, impair_engine_names[only[n].engine],
				       impair_engine_names[s->i.engine], only[n].why);
	for (size_t n = 0; n < ARRAY_SIZE(needs); n++)
		if (said[needs[n].key] && !said[needs[n].other])
			document_error(doc, said[needs[n].key], "'%s' needs '%s': %s",
				       keys[needs[n].key].name, keys[needs[n].other].name,
				       needs[n].why);
	check_models(doc, said);
	if (said[KEY_JITTER] && said[KEY_DELAY] && s->i.jitter_ns > s->i.delay_ns)
		document_error(doc, said[KEY_JITTER],
			       "'jitter' is more than 'delay': no packet can arrive before it "
			       "was sent");
	if (said[KEY_JITTER] && s->i.engine == ENGINE_NETEM && s->i.jitter_ns > NETEM_JITTER_MAX)
		document_error(doc, said[KEY_JITTER],
			       "netem's jitter ends at 2.147 s: use less, or engine: wire");
	if (said[KEY_ARM] && !says_any(said, armed, ARRAY_SIZE(armed)))
		document_error(doc, said[KEY_ARM],
			       "'arm' says when losses begin: add 'loss', 'gemodel', 'state', "
			       "'drop', 'act', 'duplicate', 'corrupt' or 'reorder'");
}

/* Merge an entry that was read without errors into one direction */
static void merge(struct document *doc, yaml_node_t *entry, struct slot *s)
{
	bool twice = false;

	for (int k = KEY_ENGINE; k < KEYS; k++) {
		const yaml_node_t *value = document_find(doc, entry, keys[k].name);

		if (value && s->said[k]) {
			twice = true;
			document_error(doc, value,
				       "'%s' of this link and direction is set in line %u already",
				       keys[k].name, document_place(s->said[k]).line);
		} else if (value) {
			s->said[k] = value;
		}
	}
	if (twice)
		return;
	schema_read(doc, entry, keys, s); /* cannot fail: it was read before */
	if (s->said[KEY_GEMODEL])
		s->i.has_gemodel = true;
	if (s->said[KEY_STATE])
		s->i.has_state = true;
	s->said[KEY_LINK] = entry;
}

static void read_entry(struct document *doc, yaml_node_t *node,
		       struct slot slots[LINK_COUNT][DIR_COUNT])
{
	struct slot entry = { 0 };
	bool ok = schema_read(doc, node, keys, &entry);

	impairment_release(&entry.i);
	if (!ok)
		return;
	for (int d = 0; d < DIR_COUNT; d++)
		if (entry.direction == DIR_BOTH || entry.direction == d)
			merge(doc, node, &slots[entry.link][d]);
}

/* The two directions of a link: the engine that was not named, and the checks */
static void finish_link(struct document *doc, struct slot slots[DIR_COUNT])
{
	const struct slot *up = &slots[DIR_UP], *down = &slots[DIR_DOWN];

	for (int d = 0; d < DIR_COUNT; d++)
		if (slots[d].said[KEY_LINK] && slots[d].i.engine == ENGINE_NONE)
			slots[d].i.engine = ENGINE_NETEM;
	for (int d = 0; d < DIR_COUNT; d++)
		check_slot(doc, &slots[d]);
	if (up->i.engine && down->i.engine && up->i.engine != down->i.engine) {
		const struct slot *named = down->said[KEY_ENGINE] ? down : up;

		document_error(doc, named->said[KEY_ENGINE],
			       "a link has one engine: here up is %s and down is %s",
			       impair_engine_names[up->i.engine],
			       impair_engine_names[down->i.engine]);
	}
}

/**
 * impairment_read() - Read the list `impair`
 * @doc:	The document; notes the errors
 * @node:	The list
 * @ret_impair:	struct impairment [LINK_COUNT][DIR_COUNT], zeroed; also filled in
 *		part after an error
 *
 * Return: true if nothing was wrong
 */
bool impairment_read(struct document *doc, yaml_node_t *node, void *ret_impair)
{
	struct impairment(*impair)[DIR_COUNT] = ret_impair;
	struct slot slots[LINK_COUNT][DIR_COUNT] = { 0 };
	unsigned before = doc->errors_len;

	if (node->type != YAML_SEQUENCE_NODE)
		return document_error(doc, node,
				      "'impair' must be a list: write an item per link, "
				      "- {link: outside, loss: 1%%}");
	for (size_t n = 0; n < document_items(node); n++)
		read_entry(doc, document_item(doc, node, n), slots);
	for (int l = 0; l < LINK_COUNT; l++) {
		finish_link(doc, slots[l]);
		for (int d = 0; d < DIR_COUNT; d++)
			impair[l][d] = slots[l][d].i;
	}
	return doc->errors_len == before;
}

/* --- changes while the case runs: what a timeline lays over an impairment ------------- */

/* What an engine cannot change while frames are on the way, or what would not mean anything */
static bool is_fixed(int key)
{
	return key == KEY_LINK || key == KEY_DIRECTION || key == KEY_ENGINE || key == KEY_DROP ||
	       key == KEY_COUNT || key == KEY_ACT || key == KEY_ARM;
}

/** impairment_change_key() - The name of the @n-th key, from 0, that can change; NULL: no more */
const char *impairment_change_key(size_t n)
{
	for (int k = 0; k < KEYS; k++)
		if (!is_fixed(k) && n-- == 0)
			return keys[k].name;
	return NULL;
}

/**
 * impairment_read_change() - Read those keys of a mapping that can change
 * @doc:	The document; notes the errors
 * @entry:	The mapping; its other keys are the caller's
 * @ret:	Filled in; owns nothing
 *
 * Return: true if nothing was wrong
 */
bool impairment_read_change(struct document *doc, const yaml_node_t *entry,
			    struct impairment_change *ret)
{
	struct slot s = { 0 };
	bool ok = true;

	ret->said = 0;
	for (int k = 0; k < KEYS; k++) {
		yaml_node_t *value = document_find(doc, entry, keys[k].name);

		if (!value || is_fixed(k))
			continue;
		ok &= schema_value(doc, value, &keys[k], &s);
		ret->said |= 1U << k;
	}
	ret->i = s.i;
	ret->i.has_gemodel = ret->said & 1U << KEY_GEMODEL;
	ret->i.has_state = ret->said & 1U << KEY_STATE;
	return ok;
}

/* Bytes of the member that a key fills in */
static size_t size_of(int key)
{
	static const size_t of_mapping[KEYS] = {
		[KEY_GEMODEL] = sizeof(struct gemodel),
		[KEY_STATE] = sizeof(struct fourstate),
		[KEY_SLOT] = sizeof(struct slots),
	};
	static const size_t of_kind[SCHEMA_KINDS] = {
		[SCHEMA_DURATION] = sizeof(uint64_t), [SCHEMA_RATE] = sizeof(uint64_t),
		[SCHEMA_SIZE] = sizeof(uint64_t),     [SCHEMA_COUNT] = sizeof(uint64_t),
		[SCHEMA_WORD] = sizeof(int),	      [SCHEMA_RATIO] = sizeof(double),
		[SCHEMA_OWN] = sizeof(double), /* a ratio with a reader of its own */
	};
	size_t size = of_mapping[key] ? of_mapping[key] : of_kind[keys[key].kind];

	if (!size)
		abort(); /* a key of a new kind: say its size here */
	return size;
}

/** impairment_overlay() - Let the keys that a change says have its values */
void impairment_overlay(struct impairment *base, const struct impairment_change *change)
{
	for (int k = 0; k < KEYS; k++) {
		size_t offset = keys[k].offset - offsetof(struct slot, i);

		if (change->said & 1U << k)
			memcpy((char *)base + offset, (const char *)&change->i + offset,
			       size_of(k));
	}
	base->has_gemodel |= change->i.has_gemodel;
	base->has_state |= change->i.has_state;
}

/**
 * impairment_check_change() - Can the keys of changes hold together, over an impairment?
 * @doc:	The document; notes the errors
 * @impair:	The list `impair`, read without errors; NULL: there is none
 * @link:	Of which link
 * @direction:	In which direction
 * @entries:	Mappings that hold at the same time, read without errors; a later one wins
 * @len:	How many
 */
void impairment_check_change(struct document *doc, yaml_node_t *impair, enum link_id link,
			     enum direction direction, yaml_node_t *const *entries, size_t len)
{
	struct slot slots[LINK_COUNT][DIR_COUNT] = { 0 };
	struct slot *s = &slots[link][direction];

	for (size_t n = 0; impair && n < document_items(impair); n++)
		read_entry(doc, document_item(doc, impair, n), slots);
	if (!s->i.engine)
		s->i.engine = slots[link][!direction].i.engine;
	if (!s->i.engine)
		s->i.engine = ENGINE_NETEM;
	for (size_t n = 0; n < len; n++)
		for (int k = 0; k < KEYS; k++) {
			yaml_node_t *value = document_find(doc, entries[n], keys[k].name);

			if (!value || is_fixed(k))
				continue;
			schema_value(doc, value, &keys[k], s);
			s->said[k] = value;
		}
	check_slot(doc, s);
	for (int l = 0; l < LINK_COUNT; l++)
		for (int d = 0; d < DIR_COUNT; d++)
			impairment_release(&slots[l][d].i);
}
