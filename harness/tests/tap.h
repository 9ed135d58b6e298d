/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAP for unit tests: a test file is a program, run by prove.
 *
 *   int main(void) { tap_ok(1 + 1 == 2, "addition"); return tap_done(); }
 *
 * Why not a framework: cmocka 1.1.5 reports a skip as a failure under prove.
 */
#ifndef DUPACK_TESTS_TAP_H
#define DUPACK_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5))) static inline bool tap_check(bool ok, const char *file,
								   int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", ok ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!ok) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return ok;
}

/** tap_ok() - One test: is the condition true? */
#define tap_ok(cond, ...) tap_check((cond), __FILE__, __LINE__, __VA_ARGS__)

/** tap_is() - One test: are two whole numbers equal? Both are shown if not */
#define tap_is(got, want, ...)                                                                     \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (!tap_check(got_ == want_, __FILE__, __LINE__, __VA_ARGS__))                    \
			printf("# got %lld, wanted %lld\n", got_, want_);                          \
	} while (0)

/** tap_str() - One test: are two strings equal? Both are shown if not */
#define tap_str(got, want, ...)                                                                    \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		if (!tap_check(got_ && !strcmp(got_, want_), __FILE__, __LINE__, __VA_ARGS__))     \
			printf("# got '%s', wanted '%s'\n", got_ ? got_ : "(null)", want_);        \
	} while (0)

/** tap_skip() - One test that cannot run here, and why */
#define tap_skip(why) printf("ok %d # SKIP %s\n", ++tap_count, why)

/** tap_done() - Print the plan; the value for main to return */
static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
