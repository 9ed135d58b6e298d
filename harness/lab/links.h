/* SPDX-License-Identifier: Apache-2.0 */
/* The impaired links of an execution: start, empty, stop. */
#ifndef DUPACK_LAB_LINKS_H
#define DUPACK_LAB_LINKS_H

#include <jansson.h>

struct err;
struct lab;

int links_start(struct lab *lab, struct err *err);
int links_drain(const struct lab *lab, struct err *err);
int links_stop(struct lab *lab, json_t *ret_links, struct err *err);

#endif
