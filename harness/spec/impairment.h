/* SPDX-License-Identifier: Apache-2.0 */
/* The key `impair` of a case: what the links do to packets. */
#ifndef DUPACK_SPEC_IMPAIRMENT_H
#define DUPACK_SPEC_IMPAIRMENT_H

#include <stdbool.h>

#include "spec/case.h"
#include "spec/document.h"

bool impairment_read(struct document *doc, yaml_node_t *node, void *ret_impair);
bool impairment_loses(const struct impairment *i);

#endif
