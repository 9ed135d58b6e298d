/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a target may declare in `caps`, and a case ask for by `needs`: a fixed list of
 * words (targets/README.md says what each means), so that a misspelt one is an error.
 */
#ifndef DUPACK_SPEC_CAPABILITY_H
#define DUPACK_SPEC_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>

#include "spec/document.h"

struct err;
struct pair_targets;
struct spec_case;

struct capability {
	const char *word;
	const char *verb, *arg; /* who declares it knows this verb; NULL: none, no argument */
};

#define CAPABILITY_OUTER_IPV6 "ipv6"
#define CAPABILITY_INNER_IPV6 "inner-ipv6"

const struct capability *capability_at(size_t i);
const struct capability *capability_find(const char *word);
bool capability_read(struct document *doc, yaml_node_t *node, void *ret_word);

int capability_check(const struct spec_case *c, const struct pair_targets *targets,
		     struct err *err);

#endif
