// SPDX-License-Identifier: Apache-2.0
/*
 * Patterns for messages.  Between the colons stand, in any order, words of the family's
 * vocabularies, numbers behind their names, a direction, and * for nothing in particular.
 */
#include "spec/selector.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "spec/name.h"

#define PARTS_MAX 32 /* words and numbers of a family, for a list of what is known */

/* A part of a pattern: its text up to the next colon */
struct part {
	const char *text;
	size_t len;
};

static bool is(struct part p, const char *word)
{
	return strlen(word) == p.len && strncmp(word, p.text, p.len) == 0;
}

/* A whole number of 64 bits, and nothing else */
static bool read_digits(const char *text, size_t len, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)text[i]) || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return false;
	*ret = value;
	return len > 0;
}

/* --- errors ------------------------------------------------------------------------------- */

/* All that may stand in a pattern of a family, for errors: the caller frees each and the list */
static size_t known_parts(const struct meaning_grammar *g, const char *ret[PARTS_MAX],
			  char *own[MEANING_NUMBERS])
{
	size_t len = 0;

	for (int i = 0; i < MEANING_WORDS; i++)
		for (const struct meaning_word *w = g->word[i].words; w && w->name; w++)
			if (len < PARTS_MAX - MEANING_NUMBERS - 3)
				ret[len++] = w->name;
	for (int i = 0; i < MEANING_NUMBERS && g->number[i]; i++)
		ret[len++] = own[i] = io_printf("%sN", g->number[i]);
	ret[len++] = "up";
	ret[len++] = "down";
	ret[len++] = "*";
	return len;
}

static int unknown_part(struct part p, const struct meaning_grammar *g, struct err *err)
{
	AUTO_FREE char *word = io_printf("%.*s", (int)p.len, p.text);
	char *own[MEANING_NUMBERS] = { NULL };
	const char *known[PARTS_MAX];
	size_t len = known_parts(g, known, own);
	const char *near = name_near(word, known, len);
	AUTO_FREE char *list = name_list(known, len);
	int rc = err_set_kind(err, ERR_USAGE, "'%.60s' says nothing about %s:%s%s%s known: %s",
			      word, g->name, near ? " did you mean '" : "", near ? near : "",
			      near ? "'?" : "", list);

	for (int i = 0; i < MEANING_NUMBERS; i++)
		free(own[i]);
	return rc;
}

static int unknown_family(struct part p, struct err *err)
{
	AUTO_FREE char *word = io_printf("%.*s", (int)p.len, p.text);
	const char *known[MEANING_FAMILIES + 1];
	AUTO_FREE char *list = NULL;
	const char *near;

	for (int f = 0; f < MEANING_FAMILIES; f++)
		known[f] = meaning_grammars[f].name;
	known[MEANING_FAMILIES] = "*";
	near = name_near(word, known, ARRAY_SIZE(known));
	list = name_list(known, ARRAY_SIZE(known));
	return err_set_kind(err, ERR_USAGE, "'%.60s' is no family of messages:%s%s%s known: %s",
			    word, near ? " did you mean '" : "", near ? near : "", near ? "'?" : "",
			    list);
}

static int said_twice(struct part p, struct err *err)
{
	return err_set_kind(err, ERR_USAGE,
			    "'%.*s' says what was said before in the same pattern: keep one",
			    (int)(p.len < 60 ? p.len : 60), p.text);
}

/* --- parts ------------------------------------------------------------------------------------ */

/* NAME, N, N-M or N-; 1: it is that, 0: it is something else, -1: an error */
static int read_number(struct part p, const struct meaning_grammar *g, struct selector *s,
		       struct err *err)
{
	for (int i = 0; i < MEANING_NUMBERS && g->number[i]; i++) {
		size_t name = strlen(g->number[i]), first;
		const char *dash;
		uint64_t value;

		if (p.len <= name || strncmp(p.text, g->number[i], name) != 0)
			continue;
		dash = memchr(p.text + name, '-', p.len - name);
		first = dash ? (size_t)(dash - p.text) - name : p.len - name;
		if (!read_digits(p.text + name, first, &value))
			continue;
		if (s->has & 1U << i)
			return said_twice(p, err);
		s->has = (uint8_t)(s->has | 1U << i);
		s->min[i] = s->max[i] = value;
		if (!dash)
			return 1;
		if (dash + 1 == p.text + p.len) {
			s->max[i] = UINT64_MAX;
			return 1;
		}
		if (!read_digits(dash + 1, (size_t)(p.text + p.len - dash - 1), &s->max[i]))
			return err_set_kind(err, ERR_USAGE,
					    "'%.*s' is no range: write %s1-9, or %s1- without end",
					    (int)p.len, p.text, g->number[i], g->number[i]);
		if (s->max[i] < s->min[i])
			return err_set_kind(err, ERR_USAGE,
					    "'%.*s' ends before it begins: turn it around",
					    (int)p.len, p.text);
		return 1;
	}
	return 0;
}

/* A word, or the family's other name with a number: 1, 0 or -1 */
static int read_word(struct part p, const struct meaning_grammar *g, struct selector *s,
		     struct err *err)
{
	for (int i = 0; i < MEANING_WORDS && g->word[i].words; i++) {
		size_t other = strlen(g->word[i].other);
		const struct meaning_word *w = g->word[i].words;
		uint64_t value = MEANING_NO_WORD;

		while (w->name && !is(p, w->name))
			w++;
		if (w->name)
			value = w->value;
		else if (p.len <= other || strncmp(p.text, g->word[i].other, other) != 0 ||
			 !read_digits(p.text + other, p.len - other, &value))
			continue;
		if (value >= MEANING_NO_WORD)
			continue;
		if (s->word[i] != MEANING_NO_WORD)
			return said_twice(p, err);
		s->word[i] = (uint16_t)value;
		return 1;
	}
	return 0;
}

static int read_direction(struct part p, struct selector *s, struct err *err)
{
	for (enum direction d = 0; d < DIR_COUNT; d++) {
		if (!is(p, direction_names[d]))
			continue;
		if (s->has_direction)
			return said_twice(p, err);
		s->has_direction = true;
		s->direction = d;
		return 1;
	}
	return 0;
}

static int read_part(struct part p, struct selector *s, struct err *err)
{
	static const struct meaning_grammar any = { .name = "messages of any family" };
	const struct meaning_grammar *g = s->any ? &any : &meaning_grammars[s->family];
	int rc;

	if (is(p, "*"))
		return 0;
	rc = read_direction(p, s, err);
	if (!rc)
		rc = read_word(p, g, s, err);
	if (!rc)
		rc = read_number(p, g, s, err);
	return rc > 0 ? 0 : rc < 0 ? -1 : unknown_part(p, g, err);
}

static int read_family(struct part p, struct selector *s, struct err *err)
{
	if (is(p, "*")) {
		s->any = true;
		return 0;
	}
	for (int f = 0; f < MEANING_FAMILIES; f++)
		if (is(p, meaning_grammars[f].name)) {
			s->family = (enum meaning_family)f;
			return 0;
		}
	return unknown_family(p, err);
}

/**
 * selector_parse() - Read a pattern
 * @text:	For example "ike:CREATE_CHILD_SA:resp"
 * @ret:	Set on success
 * @ret_at:	Set on failure: the character that is wrong, from 0
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int selector_parse(const char *text, struct selector *ret, size_t *ret_at, struct err *err)
{
	struct selector s = { .word = { MEANING_NO_WORD, MEANING_NO_WORD } };
	const char *p = text;

	for (;;) {
		struct part part = { p, strcspn(p, ":") };

		if (p == text ? read_family(part, &s, err) : read_part(part, &s, err)) {
			*ret_at = (size_t)(p - text);
			return -1;
		}
		p += part.len;
		if (!*p)
			break;
		p++;
	}
	*ret = s;
	return 0;
}

/**
 * selector_read() - Read a pattern of a document
 * @doc:	The document; notes the error, at the part that is wrong
 * @node:	The pattern
 * @ret:	Set on success
 *
 * Return: true if nothing was wrong
 */
bool selector_read(struct document *doc, yaml_node_t *node, struct selector *ret)
{
	const char *text = document_text(node);
	struct err err = { 0 };
	yaml_node_t at = *node; /* a copy to point with: it owns nothing */
	size_t column = 0;

	if (!text)
		return document_error(doc, node, "a pattern is one word: ike:IKE_AUTH:resp");
	if (!selector_parse(text, ret, &column, &err))
		return true;
	at.start_mark.column += column + (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE);
	return document_error(doc, &at, "%s", err.text);
}

/* The first number of TCP stands for all sequence numbers of the segment */
static bool number_matches(const struct selector *s, const struct meaning *m, int i)
{
	uint64_t last = m->number[i] + (i == 0 ? m->span - 1 : 0);

	return m->has & 1U << i && m->number[i] <= s->max[i] && s->min[i] <= last;
}

static bool matches(const struct selector *s, const struct meaning *m)
{
	if (s->any)
		return true;
	if (s->family != m->family)
		return false;
	for (int i = 0; i < MEANING_WORDS; i++)
		if (s->word[i] != MEANING_NO_WORD && s->word[i] != m->word[i])
			return false;
	for (int i = 0; i < MEANING_NUMBERS; i++)
		if (s->has & 1U << i && !number_matches(s, m, i))
			return false;
	return true;
}

/**
 * selector_match() - Is a pattern true of a frame?
 * @s:		The pattern
 * @d:		Where the frame travels
 * @m:		All that it means
 *
 * Return: the first of its meanings that has the pattern, or NULL
 */
const struct meaning *selector_match(const struct selector *s, enum direction d,
				     const struct meanings *m)
{
	if (s->has_direction && s->direction != d)
		return NULL;
	for (size_t i = 0; i < m->len; i++)
		if (matches(s, &m->list[i]))
			return &m->list[i];
	return NULL;
}
