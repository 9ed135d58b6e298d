/* SPDX-License-Identifier: Apache-2.0 */
/* A processor of its own for each guest of this machine. */
#ifndef DUPACK_GUEST_CPU_H
#define DUPACK_GUEST_CPU_H

#include <sched.h>

int cpu_claim(cpu_set_t *one);

#endif
