/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern for messages by their meaning: "ike:CREATE_CHILD_SA:resp", "esp:spi1:seq50-60",
 * "tcp:data:+8000-9000:tx1", "*".
 *
 * It is written as a meaning is (decode/meaning.h), where each part may be left out, a number
 * may be a range, and `up` or `down` may be added.  So the name of a message is the pattern
 * that it alone has.
 */
#ifndef DUPACK_SPEC_SELECTOR_H
#define DUPACK_SPEC_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/meaning.h"
#include "spec/case.h"
#include "spec/document.h"

struct selector {
	bool any; /* of whatever family */
	enum meaning_family family;
	uint16_t word[MEANING_WORDS]; /* MEANING_NO_WORD: any */
	uint8_t has; /* a bit for each number that matters */
	uint64_t min[MEANING_NUMBERS], max[MEANING_NUMBERS];
	bool has_direction;
	enum direction direction;
};

int selector_parse(const char *text, struct selector *ret, size_t *ret_at, struct err *err);
bool selector_read(struct document *doc, yaml_node_t *node, struct selector *ret);
const struct meaning *selector_match(const struct selector *s, enum direction d,
				     const struct meanings *m);

#endif
