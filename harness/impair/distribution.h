/* SPDX-License-Identifier: Apache-2.0 */
/* How jitter is distributed: one table for both engines. */
#ifndef DUPACK_IMPAIR_DISTRIBUTION_H
#define DUPACK_IMPAIR_DISTRIBUTION_H

#include <stdint.h>

#include "spec/case.h"

/** Entries of a table, each as likely as the others. */
#define DISTRIBUTION_LEN 4096
/** What stands for 1 in it: NETEM_DIST_SCALE of the kernel */
#define DISTRIBUTION_SCALE 8192

const int16_t *distribution_table(enum impair_distribution d);
double distribution_quantile(enum impair_distribution d, double u);
int64_t distribution_delay(const struct impairment *plan, double u);

#endif
