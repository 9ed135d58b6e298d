/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema walker: a table of keys says what a mapping may hold and where in
 * a C struct it goes.  Everything that is wrong is noted in the document with
 * its line and column: an unknown, repeated or missing key, a wrong type, a
 * wrong unit, a value out of range.  Reading goes on after an error.
 *
 * The struct begins zeroed.  What was read into it is owned by it, also after
 * an error, so that one function releases it in both cases.
 */
#ifndef DUPACK_SPEC_SCHEMA_H
#define DUPACK_SPEC_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/document.h"

enum schema_kind { /* and the type in the struct */
		   SCHEMA_TEXT, /* char *, without white space around it */
		   SCHEMA_NAME, /* char *: a text without white space inside */
		   SCHEMA_YESNO, /* bool; .words may name the two values otherwise, false first */
		   SCHEMA_WORD, /* int or enum: index into .words */
		   SCHEMA_DURATION, /* uint64_t, ns */
		   SCHEMA_RATIO, /* double, 0 to 1 */
		   SCHEMA_RATE, /* uint64_t, bits a second */
		   SCHEMA_SIZE, /* uint64_t, bytes; a plain number counts bytes */
		   SCHEMA_COUNT, /* uint64_t */
		   SCHEMA_MAPPING, /* a struct with the keys .keys */
		   SCHEMA_LIST, /* array at .offset, size_t length at .len_offset; items as .item
				   says */
		   SCHEMA_OWN, /* whatever .read makes of it */
		   SCHEMA_KINDS,
};

struct schema_key {
	const char *name;
	enum schema_kind kind;
	bool required;
	size_t offset;
	const char *fallback; /* scalars: read this text if the key is absent */
	const char *const *words;
	size_t words_len;
	uint64_t min, max; /* of numbers; max 0: no range */
	const char *range; /* the range in words: "1ms to 24h" */
	const struct schema_key *keys;
	const struct schema_key *item; /* its offset is 0 */
	size_t item_size, len_offset;
	bool (*read)(struct document *doc, yaml_node_t *node, void *out);
	bool (*check)(struct document *doc, yaml_node_t *node, void *base); /* once it was read */
};

bool schema_read(struct document *doc, yaml_node_t *node, const struct schema_key *keys,
		 void *base);
bool schema_value(struct document *doc, yaml_node_t *node, const struct schema_key *key,
		  void *base);

#endif
