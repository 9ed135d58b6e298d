// SPDX-License-Identifier: Apache-2.0
/* Rules as they are written: one mapping each, whose keys depend on what it does. */
#include "spec/act.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/units.h"
#include "spec/schema.h"

const char *const act_names[ACT_KINDS] = {
	[ACT_DROP] = "drop", [ACT_DUPLICATE] = "duplicate", [ACT_DELAY] = "delay",
	[ACT_HOLD] = "hold", [ACT_CORRUPT] = "corrupt",	    [ACT_TRUNCATE] = "truncate",
};

#define OFFSET_MAX 65535

static bool read_pattern(struct document *doc, yaml_node_t *node, void *out)
{
	struct pattern *p = out;

	if (!selector_read(doc, node, &p->selector))
		return false;
	p->text = io_printf("%s", document_text(node));
	return true;
}

enum {
	KEY_ON,
	KEY_DO,
	KEY_NTH,
	KEY_EVERY,
	KEY_COUNT,
	KEY_TIMES,
	KEY_BY,
	KEY_UNTIL,
	KEY_FOR,
	KEY_OFFSET,
	KEY_BIT,
	KEY_TO,
	KEY_MEND,
	KEYS,
};

#define NUMBER(word, field, least, most, text)                                                     \
	{                                                                                          \
		.name = (word), .kind = SCHEMA_COUNT, .offset = offsetof(struct act, field),       \
		.min = (least), .max = (most), .range = (text)                                     \
	}
#define TIME(word)                                                                                 \
	{                                                                                          \
		.name = (word), .kind = SCHEMA_DURATION, .offset = offsetof(struct act, time_ns),  \
		.min = 1, .max = 86400 * NS_PER_S, .range = "more than 0s, at most 24h"            \
	}
#define PATTERN(word, field)                                                                       \
	{                                                                                          \
		.name = (word), .kind = SCHEMA_OWN, .offset = offsetof(struct act, field),         \
		.read = read_pattern                                                               \
	}

static const struct schema_key keys[KEYS + 1] = {
	[KEY_ON] = { .name = "on",
		     .kind = SCHEMA_OWN,
		     .required = true,
		     .offset = offsetof(struct act, on),
		     .read = read_pattern },
	[KEY_DO] = { .name = "do",
		     .kind = SCHEMA_WORD,
		     .required = true,
		     .offset = offsetof(struct act, kind),
		     .words = act_names,
		     .words_len = ACT_KINDS },
	[KEY_NTH] = NUMBER("nth", nth, 1, UINT32_MAX, "1 to 4294967295"),
	[KEY_EVERY] = NUMBER("every", every, 1, UINT32_MAX, "1 to 4294967295"),
	[KEY_COUNT] = NUMBER("count", count, 1, UINT32_MAX, "1 to 4294967295"),
	[KEY_TIMES] = NUMBER("times", times, 1, 100, "1 to 100 copies"),
	[KEY_BY] = TIME("by"),
	[KEY_UNTIL] = PATTERN("until", until),
	[KEY_FOR] = TIME("for"),
	[KEY_OFFSET] = NUMBER("offset", offset, 0, OFFSET_MAX, "0 to 65535"),
	[KEY_BIT] = NUMBER("bit", bit, 0, 7, "0 to 7"),
	[KEY_TO] = NUMBER("to", to, 0, OFFSET_MAX, "0 to 65535"),
	[KEY_MEND] = { .name = "mend",
		       .kind = SCHEMA_YESNO,
		       .fallback = "yes",
		       .offset = offsetof(struct act, mend) },
};

/* What the keys from KEY_TIMES on are about; they mean nothing to the others */
static const struct {
	int key;
	enum act_kind kind[2];
	bool needed;
} belongs[] = {
	{ KEY_TIMES, { ACT_DUPLICATE, ACT_DUPLICATE }, false },
	{ KEY_BY, { ACT_DELAY, ACT_DELAY }, true },
	{ KEY_UNTIL, { ACT_HOLD, ACT_HOLD }, false },
	{ KEY_FOR, { ACT_HOLD, ACT_HOLD }, false },
	{ KEY_OFFSET, { ACT_CORRUPT, ACT_CORRUPT }, true },
	{ KEY_BIT, { ACT_CORRUPT, ACT_CORRUPT }, false },
	{ KEY_TO, { ACT_TRUNCATE, ACT_TRUNCATE }, true },
	{ KEY_MEND, { ACT_CORRUPT, ACT_TRUNCATE }, false },
};

/* @said: the value of each key, or NULL */
static bool check_keys(struct document *doc, const yaml_node_t *node, const struct act *a,
		       yaml_node_t *const said[KEYS])
{
	const char *what = act_names[a->kind];
	bool ok = true;

	for (size_t n = 0; n < ARRAY_SIZE(belongs); n++) {
		int key = belongs[n].key;
		bool mine = a->kind == belongs[n].kind[0] || a->kind == belongs[n].kind[1];

		if (said[key] && !mine)
			ok = document_error(doc, said[key],
					    "'%s' means nothing to 'do: %s': it is for %s",
					    keys[key].name, what, act_names[belongs[n].kind[0]]);
		if (!said[key] && mine && belongs[n].needed)
			ok = document_error(doc, node, "'do: %s' needs the key '%s': write it",
					    what, keys[key].name);
	}
	if (a->kind == ACT_HOLD && !said[KEY_UNTIL] && !said[KEY_FOR])
		ok = document_error(doc, node,
				    "'do: hold' needs to know how long: write 'until' with a "
				    "pattern, 'for' with a time, or both");
	if (a->on.selector.has_direction)
		ok = document_error(doc, said[KEY_ON],
				    "'on' is about the direction of its entry: leave '%s' out and "
				    "write 'direction' there",
				    direction_names[a->on.selector.direction]);
	return ok;
}

/* Without 'every' the nth alone is meant; without both, all */
static void complete(struct act *a)
{
	if (a->nth && !a->every && !a->count)
		a->count = 1;
	if (!a->nth)
		a->nth = a->every ? a->every : 1;
	if (!a->every)
		a->every = 1;
	if (!a->times)
		a->times = 1;
}

static bool read_act(struct document *doc, yaml_node_t *node, struct act *ret)
{
	yaml_node_t *said[KEYS] = { NULL };

	if (!schema_read(doc, node, keys, ret))
		return false;
	for (int k = 0; k < KEYS; k++)
		said[k] = document_find(doc, node, keys[k].name);
	if (!check_keys(doc, node, ret, said))
		return false;
	complete(ret);
	return true;
}

/**
 * acts_read() - Read a list of rules
 * @doc:	The document; notes the errors
 * @node:	The list
 * @ret_acts:	struct acts, to be given to acts_release(); also after an error
 *
 * Return: true if nothing was wrong
 */
bool acts_read(struct document *doc, yaml_node_t *node, void *ret_acts)
{
	struct acts *acts = ret_acts;
	bool ok = true;

	*acts = (struct acts){ 0 };
	if (node->type != YAML_SEQUENCE_NODE)
		return document_error(doc, node,
				      "'act' must be a list: write an item per rule, "
				      "- {on: \"ike:IKE_AUTH:resp:tx1\", do: drop}");
	if (!document_items(node))
		return document_error(doc, node, "'act' is empty: write at least one rule");
	acts->len = document_items(node);
	acts->list = calloc(acts->len, sizeof(*acts->list));
	if (!acts->list)
		abort();
	for (size_t n = 0; n < acts->len; n++)
		ok &= read_act(doc, document_item(doc, node, n), &acts->list[n]);
	return ok;
}

/** acts_release() - Free what a list of rules holds; idempotent, a zeroed one is fine */
void acts_release(struct acts *acts)
{
	for (size_t n = 0; n < acts->len; n++) {
		free(acts->list[n].on.text);
		free(acts->list[n].until.text);
	}
	free(acts->list);
	*acts = (struct acts){ 0 };
}
