// SPDX-License-Identifier: Apache-2.0
/* A buffer of lines; it is not for other processes' eyes before it is written. */
#include "observe/event.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

#define ROOM	  (1 << 20) /* bytes until lines are written before the end */
#define LINE_ROOM 512

/**
 * event_log_init() - Begin to log events
 * @log:	Filled in; finish it with event_log_close() on success
 * @fd:		The file; borrowed
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int event_log_init(struct event_log *log, int fd, struct err *err)
{
	*log = (struct event_log){ .fd = fd, .buf = malloc(ROOM) };
	return log->buf ? 0 : err_set(err, ENOMEM, "cannot log events");
}

static void flush(struct event_log *log)
{
	size_t done = 0;

	while (done < log->len && !log->failed) {
		ssize_t n = write(log->fd, log->buf + done, log->len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			log->failed = errno;
	}
	log->len = 0;
}

/**
 * event_log_add() - Log an event
 * @log:	From event_log_init()
 * @t_ns:	When, CLOCK_REALTIME
 * @name:	Of the event
 * @fmt:	Its other members as JSON: "\"flow\":%zu", without braces; strings in it
 *		must need no escapes.  An event is under 400 bytes
 */
void event_log_add(struct event_log *log, uint64_t t_ns, const char *name, const char *fmt, ...)
{
	char *line;
	va_list ap;
	int n;

	if (ROOM - log->len < LINE_ROOM)
		flush(log);
	line = log->buf + log->len;
	n = snprintf(line, LINE_ROOM, "{\"t\":%llu,\"event\":\"%s\",", (unsigned long long)t_ns,
		     name);
	va_start(ap, fmt);
	n += vsnprintf(line + n, (size_t)(LINE_ROOM - n), fmt, ap);
	va_end(ap);
	if (n > LINE_ROOM - 3)
		abort(); /* our own mistake */
	line[n++] = '}';
	line[n++] = '\n';
	log->len += (size_t)n;
}

/**
 * event_log_close() - Write what is left
 * @log:	From event_log_init()
 * @err:	Set if anything could not be written
 *
 * Return: 0 or -1
 */
int event_log_close(struct event_log *log, struct err *err)
{
	flush(log);
	free(log->buf);
	log->buf = NULL;
	return log->failed ? err_set(err, log->failed, "cannot write events") : 0;
}
