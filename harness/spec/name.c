// SPDX-License-Identifier: Apache-2.0
/*
 * Names and options, taken apart.
 *
 * Names are made of letters, digits, '.', '_' and '-' and begin with a letter
 * or a digit, values may hold ':' and '/' too: so every pair and middlebox can be the
 * name of a folder of results without two of them meeting in one.  Memory
 * exhausted aborts, as in io_printf().
 */
#include "spec/name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

static bool name_ok(const char *s, const char *more)
{
	if (!isalnum((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s) && !strchr(more, *s))
			return false;
	return true;
}

/* Cut @text at the first @mark: returns what is behind it, or NULL */
static char *cut(char *text, char mark)
{
	char *at = strchr(text, mark);

	if (at)
		*at++ = '\0';
	return at;
}

static int option_parse(char *text, struct choice *c, struct err *err)
{
	char *value = cut(text, '=');
	struct option *o;

	if (!value || !name_ok(text, "") || !name_ok(value, ":/"))
		return err_set_kind(err, ERR_USAGE,
				    "'%.60s%s%.60s' is not an option: write KEY=VALUE of letters, "
				    "digits, '.', '_' and '-'",
				    text, value ? "=" : "", value ? value : "");
	if (choice_option(c, text))
		return err_set_kind(err, ERR_USAGE, "option '%.60s' is here twice: keep one", text);
	o = reallocarray(c->options, c->options_len + 1, sizeof(*o));
	if (!o)
		abort();
	c->options = o;
	o += c->options_len++;
	o->key = io_printf("%s", text);
	o->value = io_printf("%s", value);
	return 0;
}

/**
 * choice_parse() - Parse NAME[,KEY=VALUE]...
 * @text:	For example "asa-proxy,queue-limit=5"
 * @ret:	Set on success, zeroed on failure; release with choice_release()
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int choice_parse(const char *text, struct choice *ret, struct err *err)
{
	AUTO_FREE char *copy = io_printf("%s", text);
	struct choice c = { 0 };
	char *rest;

	memset(ret, 0, sizeof(*ret));
	rest = cut(copy, ',');
	if (!name_ok(copy, ""))
		return err_set_kind(
			err, ERR_USAGE,
			"'%.60s' is not a name: write letters, digits, '.', '_' and '-'", copy);
	c.text = io_printf("%s", text);
	c.name = io_printf("%s", copy);
	while (rest) {
		char *word = rest;

		rest = cut(word, ',');
		if (option_parse(word, &c, err)) {
			choice_release(&c);
			return -1;
		}
	}
	*ret = c;
	return 0;
}

/** choice_release() - Free what a choice holds; a zeroed one is fine */
void choice_release(struct choice *c)
{
	for (size_t i = 0; i < c->options_len; i++) {
		free(c->options[i].key);
		free(c->options[i].value);
	}
	free(c->options);
	free(c->text);
	free(c->name);
	memset(c, 0, sizeof(*c));
}

/**
 * choice_option() - The value of an option
 * @c:		The choice
 * @key:	Name of the option
 *
 * Return: the value, owned by @c, or NULL if the option was not given
 */
const char *choice_option(const struct choice *c, const char *key)
{
	for (size_t i = 0; i < c->options_len; i++)
		if (strcmp(c->options[i].key, key) == 0)
			return c->options[i].value;
	return NULL;
}

/* The carriage of a pair: NAME[,KEY=VALUE]..., or only options of "plain" */
static int carriage_parse(const char *name, const char *options, struct choice *ret,
			  struct err *err)
{
	AUTO_FREE char *text = io_printf("%s%s%s", name ? name : "plain", options ? "," : "",
					 options ? options : "");

	return choice_parse(text, ret, err);
}

/**
 * pair_parse() - Parse CLIENT[:HEADEND][@CARRIAGE][,KEY=VALUE]...
 * @text:	For example "openconnect:ocserv@cstp"
 * @ret:	Set on success, zeroed on failure; release with pair_release()
 * @err:	Set on failure
 *
 * The options belong to the carriage.
 *
 * Return: 0 or -1
 */
int pair_parse(const char *text, struct pair *ret, struct err *err)
{
	AUTO_FREE char *copy = io_printf("%s", text);
	char *options, *carriage, *headend;
	struct pair p = { 0 };

	memset(ret, 0, sizeof(*ret));
	options = cut(copy, ',');
	carriage = cut(copy, '@');
	headend = cut(copy, ':');
	if (!name_ok(copy, "") || (headend && !name_ok(headend, "")) ||
	    (carriage && !name_ok(carriage, "")))
		return err_set_kind(err, ERR_USAGE,
				    "'%.80s' is not a pair: write "
				    "CLIENT[:HEADEND][@CARRIAGE][,KEY=VALUE]...",
				    text);
	if (carriage_parse(carriage, options, &p.carriage, err))
		return -1;
	p.text = io_printf("%s", text);
	p.client = io_printf("%s", copy);
	p.headend = io_printf("%s", headend ? headend : copy);
	*ret = p;
	return 0;
}

/** pair_release() - Free what a pair holds; a zeroed one is fine */
void pair_release(struct pair *p)
{
	choice_release(&p->carriage);
	free(p->text);
	free(p->client);
	free(p->headend);
	memset(p, 0, sizeof(*p));
}

/* Levenshtein's distance; words longer than the row are infinitely far */
static size_t distance(const char *a, const char *b)
{
	size_t row[48], len = strlen(b);

	if (len >= ARRAY_SIZE(row) || strlen(a) >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

/**
 * name_near() - The known name that a misspelt word probably means
 * @word:	What was written
 * @names:	The known names
 * @len:	How many
 *
 * Return: one of @names at most two letters away (one for short words), or NULL
 */
const char *name_near(const char *word, const char *const *names, size_t len)
{
	size_t len_word = strlen(word), best = len_word > 4 ? 3 : len_word > 1 ? 2 : 1;
	const char *found = NULL;

	for (size_t i = 0; i < len; i++) {
		size_t d = distance(word, names[i]);

		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

/**
 * name_list() - The known names as a text: "access, outside, inside, lan"
 * @names:	The names
 * @len:	How many
 *
 * Return: the text, to be freed by the caller
 */
char *name_list(const char *const *names, size_t len)
{
	char *text = io_printf("%s", "");

	for (size_t i = 0; i < len; i++) {
		char *longer = io_printf("%s%s%s", text, i ? ", " : "", names[i]);

		free(text);
		text = longer;
	}
	return text;
}
