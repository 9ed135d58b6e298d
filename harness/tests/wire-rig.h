/* SPDX-License-Identifier: Apache-2.0 */
/* A wire between two socket pairs that stand for its TAPs, for the tests of it. */
#ifndef DUPACK_TESTS_WIRE_RIG_H
#define DUPACK_TESTS_WIRE_RIG_H

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "impair/wire.h"
#include "tests/tap.h"

#define FRAME_LEN 60
#define WAIT_MS	  10000

/* A wire in a process of its own, and the outer ends of its TAPs */
struct rig {
	pid_t pid;
	int control;
	int end[DIR_COUNT]; /* [DIR_UP]: where frames up are sent, and frames down come out */
	int decisions; /* a memfd */
	struct impair_counters n[DIR_COUNT];
	json_t *acts; /* what the rules did */
};

static inline void rig_start(struct rig *r, const struct impairment *up,
			     const struct impairment *down)
{
	int control[2], a[2], b[2];

	memset(r, 0, sizeof(*r));
	r->decisions = memfd_create("decisions", MFD_CLOEXEC);
	if (r->decisions < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, a) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b))
		abort();
	fflush(stdout);
	r->pid = fork();
	if (r->pid == 0) {
		struct wire_config config = {
			.link = "outside",
			.fd = { [DIR_UP] = a[1], [DIR_DOWN] = b[1] },
			.impair = { [DIR_UP] = up, [DIR_DOWN] = down },
			.seed = 42,
			.decisions_fd = r->decisions,
		};
		struct err err = { 0 };

		close(control[0]);
		close(a[0]);
		close(b[0]);
		if (!wire_run(&config, control[1], &err))
			exit(0);
		printf("# wire_run: %s\n", err.text);
		exit(1);
	}
	close(control[1]);
	close(a[1]);
	close(b[1]);
	r->control = control[0];
	r->end[DIR_UP] = a[0];
	r->end[DIR_DOWN] = b[0];
}

static inline void rig_fence(struct rig *r)
{
	struct err err = { 0 };

	if (wire_arm(r->control, &err))
		tap_ok(false, "the wire answers: %s", err.text);
}

/* Returns the exit status of the wire */
static inline int rig_wait(const struct rig *r)
{
	int status = -1;

	waitpid(r->pid, &status, 0);
	return status;
}

static inline void rig_stop(struct rig *r)
{
	struct err err = { 0 };

	tap_ok(!wire_stop(r->control, r->n, &r->acts, &err), "the wire stops and reports%s%s",
	       err.text[0] ? ": " : "", err.text);
	tap_is(rig_wait(r), 0, "its process ends well");
}

static inline void rig_close(struct rig *r)
{
	json_decref(r->acts);
	close(r->control);
	close(r->decisions);
	for (int d = 0; d < DIR_COUNT; d++)
		if (r->end[d] >= 0)
			close(r->end[d]);
}

/* A frame that carries its number: an IPv4 TCP segment, with payload or a bare ACK */
static inline size_t make_frame(uint8_t *f, unsigned number, bool payload)
{
	const size_t ip_len = payload ? 46 : 40; /* a bare ACK has padding behind it */

	memset(f, 0, FRAME_LEN);
	f[0] = 0x02;
	f[12] = 0x08;
	f[14] = 0x45;
	f[17] = (uint8_t)ip_len;
	f[18] = (uint8_t)(number >> 8); /* the IP identification */
	f[19] = (uint8_t)number;
	f[22] = 64;
	f[23] = IPPROTO_TCP;
	f[26] = f[30] = 10;
	f[46] = 0x50;
	f[47] = 0x10;
	return FRAME_LEN;
}

static inline void send_frame(int fd, unsigned number, bool payload)
{
	uint8_t f[FRAME_LEN];

	make_frame(f, number, payload);
	if (send(fd, f, sizeof(f), MSG_NOSIGNAL) != (ssize_t)sizeof(f))
		abort();
}

/* Number of the next frame that comes out, or 0 after @wait_ms without */
static inline unsigned receive_frame(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t f[2 * FRAME_LEN];

	if (poll(&p, 1, wait_ms) <= 0 || recv(fd, f, sizeof(f), 0) != FRAME_LEN)
		return 0;
	return (unsigned)f[18] << 8 | f[19];
}

/* What has come out is exactly 1 to @sent without the listed ones, in order */
static inline bool all_but(int fd, unsigned sent, const uint64_t *lost, size_t lost_len)
{
	size_t next = 0;

	for (unsigned n = 1; n <= sent; n++) {
		unsigned got;

		if (next < lost_len && lost[next] == n) {
			next++;
			continue;
		}
		got = receive_frame(fd, 0);
		if (got != n) {
			printf("# got frame %u, wanted %u\n", got, n);
			return false;
		}
	}
	return receive_frame(fd, 0) == 0 && next == lost_len;
}

static inline bool adds_up(const struct impair_counters *c)
{
	return c->seen + c->duplicated ==
	       c->dropped + c->overflow + c->failed + c->queued + c->delivered;
}

#endif
