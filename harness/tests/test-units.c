// SPDX-License-Identifier: Apache-2.0
/* base/units: what people write, and what it means. */
#include "base/units.h"

#include <math.h>

#include "base/cleanup.h"
#include "tests/tap.h"

#define BAD UINT64_MAX

struct row {
	const char *text;
	uint64_t want; /* BAD: must be refused, and the output left alone */
};

static const struct row durations[] = {
	{ "0", 0 },
	{ "0s", 0 },
	{ "1ns", 1 },
	{ "1us", 1000 },
	{ "40ms", 40000000 },
	{ "1.5s", 1500000000 },
	{ "0.001us", 1 },
	{ "10min", 600000000000 },
	{ "24h", 86400000000000 },
	{ "10", BAD }, /* no unit */
	{ "10 ms", BAD }, /* a space */
	{ "10sec", BAD },
	{ "10MS", BAD },
	{ "-1s", BAD },
	{ "+1s", BAD },
	{ "ms", BAD },
	{ "", BAD },
	{ ".5s", BAD },
	{ "5.s", BAD },
	{ "1.2.3s", BAD },
	{ "1e3s", BAD },
	{ "0x10s", BAD },
	{ "nan", BAD },
	{ "inf", BAD },
	{ "9999999999h", BAD }, /* more than 64 bits of nanoseconds */
};

static const struct row rates[] = {
	{ "10mbit", 10000000 },	 { "1bit", 1 },	    { "1.5kbit", 1500 },
	{ "2gbit", 2000000000 }, { "0", 0 },	    { "10", BAD },
	{ "10mbps", BAD },	 { "10Mbit", BAD }, { "10MB", BAD },
	{ "-1mbit", BAD },
};

static const struct row sizes[] = {
	{ "1MB", 1000000 },	{ "1MiB", 1048576 }, { "3B", 3 },
	{ "1kB", 1000 },	{ "2KiB", 2048 },    { "1GB", 1000000000 },
	{ "1GiB", 1073741824 }, { "0.5KiB", 512 },   { "1mb", BAD },
	{ "1K", BAD },		{ "100", BAD },	     { "0", 0 },
};

static const struct row counts[] = {
	{ "0", 0 },	{ "42", 42 },	{ "18446744073709551614", UINT64_MAX - 1 },
	{ "-1", BAD },	{ "+1", BAD },	{ " 1", BAD },
	{ "1 ", BAD },	{ "1.5", BAD }, { "", BAD },
	{ "0x1", BAD }, { "1k", BAD },	{ "18446744073709551616", BAD },
};

static void check_table(const char *what, int (*parse)(const char *, uint64_t *),
			const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t got = 77;
		int rc = parse(rows[i].text, &got);

		if (rows[i].want == BAD)
			tap_ok(rc == -1 && got == 77, "%s '%s' is refused", what, rows[i].text);
		else
			tap_ok(rc == 0 && got == rows[i].want, "%s '%s' is %llu", what,
			       rows[i].text, (unsigned long long)rows[i].want);
	}
}

static void check_ratios(void)
{
	static const struct {
		const char *text;
		double want; /* negative: refused */
	} rows[] = {
		{ "0%", 0 },   { "0", 0 },	   { "1%", 0.01 },   { "1.5%", 0.015 },
		{ "100%", 1 }, { "0.001%", 1e-5 }, { "100.1%", -1 }, { "1", -1 },
		{ "0.5", -1 }, { "-1%", -1 },	   { "1 %", -1 },    { "%", -1 },
		{ "", -1 },    { "10% 25%", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double got = 77;
		int rc = units_ratio(rows[i].text, &got);

		if (rows[i].want < 0)
			tap_ok(rc == -1 && fabs(got - 77) < 1e-9, "ratio '%s' is refused",
			       rows[i].text);
		else
			tap_ok(rc == 0 && fabs(got - rows[i].want) < 1e-12, "ratio '%s' is %g",
			       rows[i].text, rows[i].want);
	}
}

static void check_format(void)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} rows[] = {
		{ 0, "0 ns" },	       { 999, "999 ns" },	  { 40000000, "40 ms" },
		{ 1000000000, "1 s" }, { 12340000000, "12.3 s" }, { 1500000, "1.5 ms" },
	};
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tap_str(units_format_duration(rows[i].ns, buf, sizeof(buf)), rows[i].want,
			"%llu ns for people", (unsigned long long)rows[i].ns);
}

int main(void)
{
	check_table("duration", units_duration, durations, ARRAY_SIZE(durations));
	check_table("rate", units_rate, rates, ARRAY_SIZE(rates));
	check_table("size", units_size, sizes, ARRAY_SIZE(sizes));
	check_table("count", units_count, counts, ARRAY_SIZE(counts));
	check_ratios();
	check_format();
	return tap_done();
}
