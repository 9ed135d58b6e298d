/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of ours that do one thing on the path until they are told to stop. */
#ifndef DUPACK_LAB_HELPER_H
#define DUPACK_LAB_HELPER_H

#include <jansson.h>

#include "base/units.h"
#include "process/proc.h"

struct err;
struct lab;
struct node;

#define HELPER_END_NS (20 * NS_PER_S) /* for one to end; in virtual time it is nothing */

/** With a descriptor that stops it and a file that it reports to. */
struct helper {
	struct proc proc;
	int stop_fd; /* eventfd; owned */
	int report_fd; /* memfd with JSON once it has ended; owned */
};

int helper_start(struct helper *h, const char *name, const struct lab *lab, const struct node *node,
		 int (*run)(void *ctx, struct err *err), void *ctx, struct err *err);
int helper_stop(struct helper *h, struct err *err);
json_t *helper_report(const struct helper *h);
void helper_release(struct helper *h);

#endif
