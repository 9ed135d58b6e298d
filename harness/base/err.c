// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

__attribute__((format(printf, 3, 0))) static void set_text(struct err *err, int errnum,
							   const char *fmt, va_list ap)
{
	size_t used;

	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	used = strlen(err->text);
	if (errnum > 0)
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(errnum));
	utf8_clean(err->text); /* it may quote anything, and was perhaps cut off */
}

/**
 * err_set() - Record a failure of the harness or of the machine
 * @err:	Filled in
 * @errnum:	errno to append as text, or 0
 * @fmt:	What failed, with the values in it
 *
 * Return: -1, so that it can be returned in one statement
 */
int err_set(struct err *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err->kind = ERR_HARNESS;
	set_text(err, errnum, fmt, ap);
	va_end(ap);
	return -1;
}

/**
 * err_set_kind() - Record a failure and say whose it is
 * @err:	Filled in
 * @kind:	Whose fault
 * @fmt:	What failed, and what to do
 *
 * Return: -1
 */
int err_set_kind(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err->kind = kind;
	set_text(err, 0, fmt, ap);
	va_end(ap);
	return -1;
}

/**
 * err_wrap() - Put context before the text of an error on its way up
 * @err:	An error that is set; its kind stays
 * @fmt:	The context: "while doing so"
 *
 * Return: -1
 */
int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	size_t used;
	va_list ap;

	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %.*s",
		 (int)(sizeof(err->text) - used - 3), old);
	utf8_clean(err->text);
	return -1;
}

/** err_kind_name() - How results name a kind: "target", "skip", "unsupported", ... */
const char *err_kind_name(enum err_kind kind)
{
	switch (kind) {
	case ERR_TARGET:
		return "target";
	case ERR_SKIP:
		return "skip";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_INTERRUPTED:
		return "interrupted";
	case ERR_NONE:
	case ERR_HARNESS:
	case ERR_USAGE:
		break;
	}
	return "harness";
}

/** err_clear() - Forget an error that was dealt with */
void err_clear(struct err *err)
{
	err->kind = ERR_NONE;
	err->text[0] = '\0';
}
