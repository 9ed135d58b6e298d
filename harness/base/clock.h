/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks of the harness, in nanoseconds. */
#ifndef DUPACK_BASE_CLOCK_H
#define DUPACK_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/** clock_ns() - CLOCK_MONOTONIC: deadlines and durations */
static inline uint64_t clock_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/** clock_stamp_ns() - CLOCK_REALTIME: what captures and events are stamped with */
static inline uint64_t clock_stamp_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

#endif
