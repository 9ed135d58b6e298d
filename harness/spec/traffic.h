/* SPDX-License-Identifier: Apache-2.0 */
/* The key `traffic` of a case: what is sent. */
#ifndef DUPACK_SPEC_TRAFFIC_H
#define DUPACK_SPEC_TRAFFIC_H

struct schema_key;
struct spec_case;

/** An item of the list: a struct traffic. */
extern const struct schema_key traffic_item_schema;

void traffic_expand(struct spec_case *c);

#endif
