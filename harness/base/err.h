/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error object: what went wrong, said once, for the user.
 *
 * A function that can fail takes a struct err * last and returns 0 or -1 (or
 * NULL).  The text is lower case, has no full stop, quotes the names of things
 * and says what to do next; callers add context with err_wrap().  Only cmd/
 * and main.c print an error or exit.
 */
#ifndef DUPACK_BASE_ERR_H
#define DUPACK_BASE_ERR_H

#include <stdbool.h>

/** Whose fault it is: decides the exit status and the verdict. */
enum err_kind {
	ERR_NONE,
	ERR_HARNESS, /* we, or the machine: exit status 99, verdict error */
	ERR_USAGE, /* bad arguments or an invalid file: exit status 2 */
	ERR_TARGET, /* the implementation broke its contract: verdict error */
	ERR_SKIP, /* this machine lacks something: verdict skip */
	ERR_UNSUPPORTED, /* a target declares that it cannot: verdict unsupported */
	ERR_INTERRUPTED, /* the user stopped it: exit status 130 */
};

struct err {
	enum err_kind kind;
	char text[1024];
};

int err_set(struct err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int err_set_kind(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_clear(struct err *err);
const char *err_kind_name(enum err_kind kind);

/** err_is_set() - Has an error been recorded? */
static inline bool err_is_set(const struct err *err)
{
	return err->kind != ERR_NONE;
}

#endif
