// SPDX-License-Identifier: Apache-2.0
#include "spec/schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/units.h"

static const char *const no_yes[] = { "no", "yes" };

static bool read_text(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		      const char *text, void *out);
static bool read_yesno(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		       const char *text, void *out);
static bool read_word(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		      const char *text, void *out);
static bool read_ratio(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		       const char *text, void *out);
static bool read_number(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
			const char *text, void *out);

static int size_or_count(const char *text, uint64_t *ret)
{
	return units_count(text, ret) ? units_size(text, ret) : 0;
}

/* The kinds: how to read a scalar of it, and what to say if it is none */
static const struct kind {
	const char *what, *hint;
	bool (*read)(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		     const char *text, void *out);
	int (*number)(const char *text, uint64_t *ret);
} kinds[SCHEMA_KINDS] = {
	[SCHEMA_TEXT] = { "a text", NULL, read_text, NULL },
	[SCHEMA_NAME] = { "a name", NULL, read_text, NULL },
	[SCHEMA_YESNO] = { "one word", NULL, read_yesno, NULL },
	[SCHEMA_WORD] = { "one word", NULL, read_word, NULL },
	[SCHEMA_DURATION] = { "a duration", "write a number and ns, us, ms, s, min or h",
			      read_number, units_duration },
	[SCHEMA_RATIO] = { "a percentage", "write a number from 0 to 100 and %", read_ratio, NULL },
	[SCHEMA_RATE] = { "a rate", "write a number and bit, kbit, mbit or gbit", read_number,
			  units_rate },
	[SCHEMA_SIZE] = { "a size", "write a number and B, kB, MB, GB, KiB, MiB or GiB",
			  read_number, size_or_count },
	[SCHEMA_COUNT] = { "a count", "write a whole number without a unit", read_number,
			   units_count },
	[SCHEMA_MAPPING] = { "a mapping of keys to values", NULL, NULL, NULL },
	[SCHEMA_LIST] = { "a list", NULL, NULL, NULL },
	[SCHEMA_OWN] = { "a value", NULL, NULL, NULL },
};

static bool not_a(struct document *doc, const yaml_node_t *at, enum schema_kind kind,
		  const char *text)
{
	return document_error(doc, at, "'%.60s' is not %s: %s", text, kinds[kind].what,
			      kinds[kind].hint);
}

static bool read_text(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		      const char *text, void *out)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	if (!len)
		return document_error(doc, at, "nothing is written here: write %s",
				      kinds[key->kind].what);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ')
			return document_error(doc, at,
					      "a line break inside a text: write one line");
		if (key->kind == SCHEMA_NAME && text[i] == ' ')
			return document_error(doc, at, "'%.60s' is not a name: it has a space",
					      text);
	}
	*(char **)out = io_printf("%.*s", (int)len, text);
	return true;
}

/* The index of @text among words, -1 with an error if it is not one of them */
static int word_index(struct document *doc, const yaml_node_t *at, const char *const *words,
		      size_t words_len, const char *text)
{
	const char *near = name_near(text, words, words_len);
	AUTO_FREE char *list = NULL;

	for (size_t i = 0; i < words_len; i++)
		if (strcmp(words[i], text) == 0)
			return (int)i;
	list = name_list(words, words_len);
	if (near)
		document_error(doc, at, "unknown word '%.60s': did you mean '%s'? known: %s", text,
			       near, list);
	else
		document_error(doc, at, "unknown word '%.60s': known: %s", text, list);
	return -1;
}

static bool read_yesno(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		       const char *text, void *out)
{
	int index = word_index(doc, at, key->words ? key->words : no_yes, 2, text);

	if (index >= 0)
		*(bool *)out = index;
	return index >= 0;
}

static bool read_word(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		      const char *text, void *out)
{
	int index = word_index(doc, at, key->words, key->words_len, text);

	if (index >= 0)
		*(int *)out = index;
	return index >= 0;
}

static bool read_ratio(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
		       const char *text, void *out)
{
	if (units_ratio(text, out))
		return not_a(doc, at, key->kind, text);
	return true;
}

static bool read_number(struct document *doc, const yaml_node_t *at, const struct schema_key *key,
			const char *text, void *out)
{
	uint64_t value;

	if (kinds[key->kind].number(text, &value))
		return not_a(doc, at, key->kind, text);
	if (key->max && (value < key->min || value > key->max))
		return document_error(doc, at, "'%.60s' is out of range: write %s", text,
				      key->range);
	*(uint64_t *)out = value;
	return true;
}

static bool read_scalar(struct document *doc, const yaml_node_t *node, const struct schema_key *key,
			void *out)
{
	const char *text = document_text(node);

	if (!text)
		return document_error(doc, node, "this must be %s, not %s", kinds[key->kind].what,
				      node->type == YAML_MAPPING_NODE ? "a mapping" : "a list");
	if (!*text)
		return document_error(doc, node, "nothing is written here: write %s",
				      kinds[key->kind].what);
	return kinds[key->kind].read(doc, node, key, text, out);
}

static bool read_list(struct document *doc, yaml_node_t *node, const struct schema_key *key,
		      void *base)
{
	size_t len, *ret_len = (size_t *)((char *)base + key->len_offset);
	bool ok = true;
	char *items;

	if (node->type != YAML_SEQUENCE_NODE)
		return document_error(doc, node, "'%s' must be a list: write [one, two]",
				      key->name);
	len = document_items(node);
	if (!len && key->required)
		return document_error(doc, node, "'%s' is empty: write at least one item",
				      key->name);
	if (!len)
		return true;
	items = calloc(len, key->item_size);
	if (!items)
		abort();
	memcpy((char *)base + key->offset, &items, sizeof(items)); /* a pointer of whatever type */
	*ret_len = len;
	for (size_t i = 0; i < len; i++)
		ok &= schema_value(doc, document_item(doc, node, i), key->item,
				   items + i * key->item_size);
	return ok;
}

/**
 * schema_value() - Read one value as a key says
 * @doc:	The document; notes the errors
 * @node:	The value
 * @key:	What it must be
 * @base:	The struct that has the key's offset
 *
 * Return: true if nothing was wrong
 */
bool schema_value(struct document *doc, yaml_node_t *node, const struct schema_key *key, void *base)
{
	void *out = (char *)base + key->offset;
	bool ok;

	if (key->kind == SCHEMA_OWN)
		ok = key->read(doc, node, out);
	else if (key->kind == SCHEMA_MAPPING)
		ok = schema_read(doc, node, key->keys, out);
	else if (key->kind == SCHEMA_LIST)
		ok = read_list(doc, node, key, base);
	else
		ok = read_scalar(doc, node, key, out);
	return ok && (!key->check || key->check(doc, node, base));
}

static bool unknown_key(struct document *doc, const yaml_node_t *at, const char *word,
			const struct schema_key *keys)
{
	AUTO_FREE const char **names = NULL;
	AUTO_FREE char *list = NULL;
	const char *near;
	size_t len = 0;

	while (keys[len].name)
		len++;
	names = calloc(len + 1, sizeof(*names));
	if (!names)
		abort();
	for (size_t i = 0; i < len; i++)
		names[i] = keys[i].name;
	near = name_near(word, names, len);
	list = name_list(names, len);
	if (near)
		return document_error(doc, at, "unknown key '%.60s': did you mean '%s'? known: %s",
				      word, near, list);
	return document_error(doc, at, "unknown key '%.60s': known: %s", word, list);
}

static const struct schema_key *key_find(const struct schema_key *keys, const char *word)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, word) == 0)
			return keys;
	return NULL;
}

/* One KEY: VALUE of a mapping */
static bool read_pair(struct document *doc, const yaml_node_t *mapping,
		      const yaml_node_pair_t *pair, const struct schema_key *keys, void *base)
{
	const yaml_node_t *name = document_node(doc, pair->key);
	const char *word = document_text(name);
	const struct schema_key *key = word ? key_find(keys, word) : NULL;

	if (!word)
		return document_error(doc, name, "a key must be one word");
	if (!key)
		return unknown_key(doc, name, word, keys);
	for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *other = document_node(doc, p->key);

		if (document_text(other) && strcmp(document_text(other), word) == 0)
			return document_error(doc, name,
					      "key '%s' is here twice: the first is in line %u",
					      word, document_place(other).line);
	}
	return schema_value(doc, document_node(doc, pair->value), key, base);
}

/* A key that is not there: an error, or its default */
static bool read_absent(struct document *doc, const yaml_node_t *mapping,
			const struct schema_key *key, void *base)
{
	if (key->required)
		return document_error(doc, mapping, "key '%s' is missing: write it", key->name);
	if (key->fallback)
		return kinds[key->kind].read(doc, mapping, key, key->fallback,
					     (char *)base + key->offset);
	return true;
}

/**
 * schema_read() - Read a mapping into a struct
 * @doc:	The document; notes the errors
 * @node:	The mapping
 * @keys:	What it may hold, ended by a row without a name
 * @base:	The struct, zeroed
 *
 * Return: true if nothing was wrong
 */
bool schema_read(struct document *doc, yaml_node_t *node, const struct schema_key *keys, void *base)
{
	const yaml_node_pair_t *pair;
	bool ok = true;

	if (node->type != YAML_MAPPING_NODE)
		return document_error(doc, node, "this must be %s", kinds[SCHEMA_MAPPING].what);
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		ok &= read_pair(doc, node, pair, keys, base);
	for (; keys->name; keys++)
		if (!document_find(doc, node, keys->name))
			ok &= read_absent(doc, node, keys, base);
	return ok;
}
