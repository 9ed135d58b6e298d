// SPDX-License-Identifier: Apache-2.0
/* The owner's end of a wire's control socket: an order, and the answer to it. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "impair/wire-order.h"
#include "impair/wire.h"

#define ANSWER_MS  10000 /* a wire answers at once; this only ends a wait for a dead one */
#define ANSWER_MAX (256 << 10) /* counters, and a row for each rule */

/* One answer of the wire, up to the end of its line or of the buffer */
static int answer(int fd, char *buf, size_t size, char last, struct err *err)
{
	for (size_t used = 0; used < size - 1;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ready = poll(&p, 1, ANSWER_MS);
		ssize_t len;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return err_set(err, ready ? errno : ETIMEDOUT, "a wire does not answer");
		len = recv(fd, buf + used, size - 1 - used, 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return err_set(err, len ? errno : 0, "a wire has ended by itself");
		used += (size_t)len;
		buf[used] = '\0';
		if (buf[used - 1] == last)
			return 0;
	}
	return err_set(err, 0, "a wire answers more than was asked");
}

static int order(int fd, const void *what, size_t len, struct err *err)
{
	if (send(fd, what, len, MSG_NOSIGNAL) != (ssize_t)len)
		return err_set(err, errno, "cannot reach a wire");
	return 0;
}

/* An order that is answered with its own letter */
static int order_done(int fd, const char *what, size_t len, struct err *err)
{
	char buf[2];

	return order(fd, what, len, err) || answer(fd, buf, sizeof(buf), *what, err) ? -1 : 0;
}

/* An order that is answered with counters */
static int order_counters(int fd, char what, struct impair_counters ret[DIR_COUNT],
			  json_t **ret_acts, struct err *err)
{
	AUTO_FREE char *text = malloc(ANSWER_MAX);
	struct impair_counters c[DIR_COUNT];
	json_t *json;
	int rc = 0;

	if (!text)
		return err_set(err, ENOMEM, "cannot read the counters of a wire");
	if (order(fd, &what, 1, err) || answer(fd, text, ANSWER_MAX, '\n', err))
		return -1;
	json = json_loads(text, 0, NULL);
	for (int d = 0; d < DIR_COUNT && !rc; d++)
		rc = impair_counters_from_json(json_object_get(json, direction_names[d]), &c[d],
					       err);
	if (!rc && ret_acts)
		*ret_acts = json_incref(json_object_get(json, "acts"));
	json_decref(json);
	if (!rc)
		memcpy(ret, c, sizeof(c));
	return rc;
}

/**
 * wire_arm() - Let the losses and lists begin that wait for the tunnel
 * @fd:		Our end of the control socket
 *
 * Frames that were sent before are not counted; those sent after the return are.
 *
 * Return: 0 when the wire has said that it is so, or -1 with @err set
 */
int wire_arm(int fd, struct err *err)
{
	return order_done(fd, "A", 1, err);
}

/**
 * wire_change() - Give one direction another plan
 * @fd:		Our end of the control socket, of a wire that was forked from this process
 * @d:		The direction
 * @plan:	Copied; its list of positions is that of the case, or none
 * @blocked:	Lose every frame, whatever the plan says
 *
 * It holds for what is sent after the return.  Frames that wait keep their times, and may
 * be overtaken; positions go on, random sequences begin anew.
 *
 * Return: 0, or -1 with @err set
 */
int wire_change(int fd, enum direction d, const struct impairment *plan, bool blocked,
		struct err *err)
{
	const struct change c = { d, blocked, *plan };
	char bytes[1 + sizeof(c)] = "C";

	memcpy(bytes + 1, &c, sizeof(c));
	return order_done(fd, bytes, sizeof(bytes), err);
}

/**
 * wire_cut() - Take the carrier from both ends, or give it back
 * @fd:		Our end of the control socket
 * @down:	Take it: what waits and what comes is lost, and counts as failed
 *
 * Return: 0, or -1 with @err set
 */
int wire_cut(int fd, bool down, struct err *err)
{
	return order_done(fd, down ? "D" : "U", 1, err);
}

/**
 * wire_read() - The counters of a wire that goes on
 * @fd:		Our end of the control socket
 * @ret:	Set on success: a row for each direction
 *
 * Return: 0, or -1 with @err set
 */
int wire_read(int fd, struct impair_counters ret[DIR_COUNT], struct err *err)
{
	return order_counters(fd, 'Q', ret, NULL, err);
}

/**
 * wire_stop() - End a wire and get its counters
 * @fd:		Our end of the control socket; stays the caller's
 * @ret:	Set on success: a row for each direction
 * @ret_acts:	Set on success to what the rules did, as actor_report() says it: a new
 *		reference.  May be NULL
 *
 * Return: 0, or -1 with @err set
 */
int wire_stop(int fd, struct impair_counters ret[DIR_COUNT], json_t **ret_acts, struct err *err)
{
	return order_counters(fd, 'S', ret, ret_acts, err);
}
