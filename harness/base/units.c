// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit durations[] = {
	{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "min", 60e9 }, { "h", 3600e9 },
};

/* iproute2's names and meanings: decimal bits a second */
static const struct unit rates[] = {
	{ "bit", 1 },
	{ "kbit", 1e3 },
	{ "mbit", 1e6 },
	{ "gbit", 1e9 },
};

static const struct unit sizes[] = {
	{ "B", 1 },
	{ "kB", 1e3 },
	{ "MB", 1e6 },
	{ "GB", 1e9 },
	{ "KiB", 1024 },
	{ "MiB", 1024.0 * 1024 },
	{ "GiB", 1024.0 * 1024 * 1024 },
};

/* A non-negative decimal number, then its unit: ret_rest points at the unit */
static int number(const char *text, double *ret_value, const char **ret_rest)
{
	const char *p = text;
	char *end;

	while (isdigit((unsigned char)*p) || *p == '.')
		p++;
	if (p == text || *text == '.' || p[-1] == '.')
		return -1;
	errno = 0;
	*ret_value = strtod(text, &end);
	if (errno || end != p || !isfinite(*ret_value))
		return -1;
	*ret_rest = p;
	return 0;
}

static int scaled(const char *text, const struct unit *units, size_t count, uint64_t *ret)
{
	const char *rest;
	double value;

	if (number(text, &value, &rest))
		return -1;
	for (size_t i = 0; i < count; i++) {
		double product = value * units[i].factor;

		if (strcmp(rest, units[i].name) != 0)
			continue;
		if (product > 9e18)
			return -1;
		*ret = (uint64_t)llround(product);
		return 0;
	}
	if (*rest == '\0' && value <= 0) {
		*ret = 0;
		return 0;
	}
	return -1;
}

/**
 * units_duration() - Parse a duration with its unit (ns, us, ms, s, min, h)
 * @text:	For example "1.5s"
 * @ret_ns:	Nanoseconds; untouched on failure
 *
 * Return: 0, or -1 if @text is not a duration
 */
int units_duration(const char *text, uint64_t *ret_ns)
{
	return scaled(text, durations, ARRAY_SIZE(durations), ret_ns);
}

/**
 * units_ratio() - Parse a percentage between 0% and 100%
 * @text:	For example "1.5%"
 * @ret_ratio:	0 to 1; untouched on failure
 *
 * Return: 0, or -1 if @text is not a percentage
 */
int units_ratio(const char *text, double *ret_ratio)
{
	const char *rest;
	double value;

	if (number(text, &value, &rest) || value > 100)
		return -1;
	if (strcmp(rest, "%") != 0 && !(*rest == '\0' && value <= 0))
		return -1;
	*ret_ratio = value / 100;
	return 0;
}

/**
 * units_rate() - Parse a rate (bit, kbit, mbit, gbit: decimal, as in tc)
 * @text:	For example "10mbit"
 * @ret_bps:	Bits a second; untouched on failure
 *
 * Return: 0, or -1 if @text is not a rate
 */
int units_rate(const char *text, uint64_t *ret_bps)
{
	return scaled(text, rates, ARRAY_SIZE(rates), ret_bps);
}

/**
 * units_size() - Parse a size (B, kB, MB, GB decimal; KiB, MiB, GiB binary)
 * @text:	For example "1MB"
 * @ret_bytes:	Bytes; untouched on failure
 *
 * Return: 0, or -1 if @text is not a size
 */
int units_size(const char *text, uint64_t *ret_bytes)
{
	return scaled(text, sizes, ARRAY_SIZE(sizes), ret_bytes);
}

/**
 * units_count() - Parse a plain non-negative whole number
 * @text:	For example "42"
 * @ret_n:	The number; untouched on failure
 *
 * Return: 0, or -1 if @text is not one
 */
int units_count(const char *text, uint64_t *ret_n)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end)
		return -1;
	*ret_n = value;
	return 0;
}

/**
 * units_format_duration() - A duration for people: "12.3 s", "40 ms"
 * @ns:		Nanoseconds
 * @buf:	Filled in
 * @size:	Size of @buf in bytes
 *
 * Return: @buf
 */
char *units_format_duration(uint64_t ns, char *buf, size_t size)
{
	if (ns >= NS_PER_S)
		snprintf(buf, size, "%.3g s", (double)ns / 1e9);
	else if (ns >= NS_PER_MS)
		snprintf(buf, size, "%.3g ms", (double)ns / 1e6);
	else
		snprintf(buf, size, "%" PRIu64 " ns", ns);
	return buf;
}
