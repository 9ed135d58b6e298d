/* SPDX-License-Identifier: Apache-2.0 */
/* Values of an impairment that are more than a number: how they are read and checked. */
#ifndef DUPACK_SPEC_IMPAIRMENT_VALUES_H
#define DUPACK_SPEC_IMPAIRMENT_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/case.h"
#include "spec/document.h"
#include "spec/schema.h"

#define KEYS_MAX 32

/* An entry as it is written, and then what all entries say of one direction */
struct slot {
	int link, direction;
	struct impairment i;
	const yaml_node_t *said[KEYS_MAX]; /* by row of the table of keys: its value, or NULL */
};

/* Mappings; ended by a row without a name */
extern const struct schema_key impairment_gemodel_keys[], impairment_state_keys[],
	impairment_slot_keys[];

/* As .read of a schema_key has them */
bool impairment_read_loss(struct document *doc, yaml_node_t *node, void *out);
bool impairment_read_correlation(struct document *doc, yaml_node_t *node, void *out);

/* As .check has them; @base is a struct slot */
bool impairment_check_drop(struct document *doc, yaml_node_t *node, void *base);
bool impairment_check_state(struct document *doc, yaml_node_t *node, void *base);
bool impairment_check_slots(struct document *doc, yaml_node_t *node, void *base);

#endif
