// SPDX-License-Identifier: Apache-2.0
#include "spec/capability.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "spec/case.h"
#include "spec/name.h"
#include "spec/target.h"
#include "spec/timeline.h"

static const struct capability capabilities[] = {
	{ CAPABILITY_OUTER_IPV6, NULL, NULL },
	{ CAPABILITY_INNER_IPV6, NULL, NULL },
	{ "dpd", NULL, NULL },
	{ "reconnect", NULL, NULL },
	{ "tcp-fallback", NULL, NULL },
	{ "mobike", NULL, NULL },
	{ "float", NULL, NULL },
	{ "ike-frag", NULL, NULL },
	{ "rekey-child", "rekey", "child" },
	{ "rekey-ike", "rekey", "ike" },
	{ "liveness", "liveness", NULL },
	{ "roam", "roam", NULL },
};

/** capability_at() - The i-th capability there is, or NULL behind the last */
const struct capability *capability_at(size_t i)
{
	return i < ARRAY_SIZE(capabilities) ? &capabilities[i] : NULL;
}

/** capability_find() - A capability by its word, or NULL */
const struct capability *capability_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (strcmp(capabilities[i].word, word) == 0)
			return &capabilities[i];
	return NULL;
}

static bool refuse(struct document *doc, const yaml_node_t *node, const char *word)
{
	const char *words[ARRAY_SIZE(capabilities)];
	AUTO_FREE char *list = NULL;
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		words[i] = capabilities[i].word;
	near = name_near(word, words, ARRAY_SIZE(words));
	if (near)
		return document_error(doc, node, "no capability '%.60s': did you mean '%s'?", word,
				      near);
	list = name_list(words, ARRAY_SIZE(words));
	return document_error(doc, node, "no capability '%.60s': there are: %s", word, list);
}

/**
 * capability_read() - Read a capability, an item of `caps` or `needs`
 * @doc:	The document; notes the errors
 * @node:	The item
 * @ret_word:	char *, set to a copy of the word
 *
 * Return: true if it is one
 */
bool capability_read(struct document *doc, yaml_node_t *node, void *ret_word)
{
	const char *text = document_text(node);

	if (!text || !capability_find(text))
		return refuse(doc, node, text ? text : "");
	*(char **)ret_word = io_printf("%s", text);
	return true;
}

/* Who lacks it, or NULL */
static const struct target *lacks(const struct pair_targets *targets, const char *word,
				  bool carrier_too)
{
	for (int t = 0; t < PAIR_TARGETS; t++)
		if (targets->v[t] && (t != PAIR_CARRIER || carrier_too) &&
		    !strings_have(&targets->v[t]->caps, word))
			return targets->v[t];
	return NULL;
}

static int demand(const char *word, bool carrier_too, const struct pair_targets *targets,
		  struct err *err)
{
	const struct target *t = lacks(targets, word, carrier_too);

	return t ? err_set_kind(err, ERR_UNSUPPORTED,
				"the case needs '%s', which target '%s' does not declare", word,
				t->name)
		 : 0;
}

/**
 * capability_check() - Do the targets of a pair declare all that a case needs?
 * @c:		The case: what it lists, and what follows from its families and its timeline
 * @targets:	Of the pair.  A carrier has to do with the outer family only
 * @err:	Set if one does not: ERR_UNSUPPORTED
 *
 * Return: 0 or -1
 */
int capability_check(const struct spec_case *c, const struct pair_targets *targets, struct err *err)
{
	if ((c->ipv6 && demand(CAPABILITY_OUTER_IPV6, true, targets, err)) ||
	    (c->inner_ipv6 && demand(CAPABILITY_INNER_IPV6, false, targets, err)))
		return -1;
	for (size_t i = 0; i < c->needs_len; i++)
		if (demand(c->needs[i], false, targets, err))
			return -1;
	for (size_t i = 0; i < c->timeline.len; i++) {
		const struct capability *ask = c->timeline.entries[i].ask;

		if (ask && demand(ask->word, false, targets, err))
			return -1;
	}
	return 0;
}
