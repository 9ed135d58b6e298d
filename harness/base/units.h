/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units as people write them in cases and on the command line: "40ms", "1.5%",
 * "10mbit", "1MB".  A number without its unit is an error, zero excepted.
 */
#ifndef DUPACK_BASE_UNITS_H
#define DUPACK_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

int units_duration(const char *text, uint64_t *ret_ns);
int units_ratio(const char *text, double *ret_ratio);
int units_rate(const char *text, uint64_t *ret_bps);
int units_size(const char *text, uint64_t *ret_bytes);
int units_count(const char *text, uint64_t *ret_n);

char *units_format_duration(uint64_t ns, char *buf, size_t size);

#endif
