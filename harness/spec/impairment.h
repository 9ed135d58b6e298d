/* SPDX-License-Identifier: Apache-2.0 */
/* The key `impair` of a case: what the links do to packets. */
#ifndef DUPACK_SPEC_IMPAIRMENT_H
#define DUPACK_SPEC_IMPAIRMENT_H

#include <stdbool.h>

#include "spec/case.h"
#include "spec/document.h"

/** Some keys of an impairment, to be laid over another. */
struct impairment_change {
	struct impairment i; /* only the keys that are said are read */
	uint32_t said; /* a bit for each key, by its number */
};

bool impairment_read(struct document *doc, yaml_node_t *node, void *ret_impair);
void impairment_release(struct impairment *i);
bool impairment_loses(const struct impairment *i);

const char *impairment_change_key(size_t n);
bool impairment_read_change(struct document *doc, const yaml_node_t *entry,
			    struct impairment_change *ret);
void impairment_overlay(struct impairment *base, const struct impairment_change *change);
void impairment_check_change(struct document *doc, yaml_node_t *impair, enum link_id link,
			     enum direction direction, yaml_node_t *const *entries, size_t len);

#endif
