// SPDX-License-Identifier: Apache-2.0
/*
 * Conversations written as tables of segments, and what the tracker has to say of
 * them.  The client sends the data (half 0), the server acknowledges it.
 */
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "decode/tcp.h"
#include "decode/trace.h"
#include "tests/frames.h"
#include "tests/tap.h"

#define TALK_MAX 64

/* A trace that owns its frames */
struct talk {
	struct trace trace;
	uint8_t (*bytes)[FRAME_MAX];
	struct tcp_trace tcp;
};

static void talk_begin(struct talk *t, size_t room)
{
	*t = (struct talk){ 0 };
	t->bytes = calloc(room, sizeof(*t->bytes));
	t->trace.frames = calloc(room, sizeof(*t->trace.frames));
	if (!t->bytes || !t->trace.frames)
		abort();
}

static void talk_add(struct talk *t, const struct frame_tcp *s)
{
	struct trace_frame *f = &t->trace.frames[t->trace.len];

	f->bytes = t->bytes[t->trace.len];
	f->len = frame_tcp(t->bytes[t->trace.len], s);
	f->t_ns = t->trace.len++;
	f->parsed = packet_parse_frame(f->bytes, f->len, &f->packet);
}

/* What the client sends, in the first connection */
static const struct tcp_half *client_half(const struct talk *t)
{
	if (!t->tcp.len)
		abort();
	return &t->tcp.connections[0].half[0];
}

static void talk_end(struct talk *t)
{
	tcp_trace_release(&t->tcp);
	trace_release(&t->trace);
	free(t->bytes);
}

/* --- what the client sent -------------------------------------------------------------- */

/* Numbers count from @base, so that every table is run again around 2^32 */
static const struct data_case {
	const char *what;
	struct frame_tcp s[10];
	struct {
		uint64_t segments, retransmissions;
		size_t filled, unfilled;
	} want;
} data_cases[] = {
	{ "in order",
	  { { .len = 10 }, { .seq = 10, .len = 10 }, { .seq = 20, .len = 5 } },
	  { 3, 0, 0, 0 } },
	{ "sent again",
	  { { .len = 10 }, { .seq = 10, .len = 10 }, { .len = 10 } },
	  { 3, 1, 0, 0 } },
	{ "sent again in another cut",
	  { { .len = 10 }, { .seq = 10, .len = 10 }, { .seq = 5, .len = 10 } },
	  { 3, 1, 0, 0 } },
	{ "again with more behind it is new", { { .len = 10 }, { .len = 20 } }, { 2, 0, 0, 0 } },
	{ "a hole", { { .len = 10 }, { .seq = 20, .len = 10 } }, { 2, 0, 0, 1 } },
	{ "a hole filled",
	  { { .len = 10 }, { .seq = 20, .len = 10 }, { .seq = 10, .len = 10 } },
	  { 3, 0, 1, 0 } },
	{ "a hole filled, and again",
	  { { .len = 10 },
	    { .seq = 20, .len = 10 },
	    { .seq = 10, .len = 10 },
	    { .seq = 10, .len = 10 } },
	  { 4, 1, 1, 0 } },
	{ "filled in two pieces",
	  { { .len = 10 },
	    { .seq = 20, .len = 10 },
	    { .seq = 10, .len = 4 },
	    { .seq = 14, .len = 6 } },
	  { 4, 0, 1, 0 } },
	{ "filled in two pieces, the last first",
	  { { .len = 10 },
	    { .seq = 20, .len = 10 },
	    { .seq = 14, .len = 6 },
	    { .seq = 10, .len = 4 } },
	  { 4, 0, 1, 0 } },
	{ "its first half filled",
	  { { .len = 10 }, { .seq = 20, .len = 10 }, { .seq = 10, .len = 4 } },
	  { 3, 0, 0, 1 } },
	{ "its middle filled: two are left",
	  { { .len = 10 }, { .seq = 30, .len = 10 }, { .seq = 15, .len = 5 } },
	  { 3, 0, 0, 2 } },
	{ "its middle filled, then the rest",
	  { { .len = 10 },
	    { .seq = 30, .len = 10 },
	    { .seq = 15, .len = 5 },
	    { .seq = 10, .len = 5 },
	    { .seq = 20, .len = 10 } },
	  { 5, 0, 2, 0 } },
	{ "its middle filled, then all of it",
	  { { .len = 10 },
	    { .seq = 30, .len = 10 },
	    { .seq = 15, .len = 5 },
	    { .seq = 10, .len = 20 } },
	  { 4, 0, 2, 0 } },
	{ "two holes filled by one",
	  { { .len = 10 },
	    { .seq = 20, .len = 10 },
	    { .seq = 40, .len = 10 },
	    { .seq = 0, .len = 50 } },
	  { 4, 0, 2, 0 } },
	{ "two holes, the second filled",
	  { { .len = 10 },
	    { .seq = 20, .len = 10 },
	    { .seq = 40, .len = 10 },
	    { .seq = 30, .len = 10 } },
	  { 4, 0, 1, 1 } },
	{ "filled by a segment that has new data too",
	  { { .len = 10 }, { .seq = 20, .len = 10 }, { .seq = 10, .len = 30 } },
	  { 3, 0, 1, 0 } },
	{ "a FIN takes a number",
	  { { .len = 10 }, { .seq = 10, .flags = FIN | ACK }, { .seq = 0, .len = 10 } },
	  { 2, 1, 0, 0 } },
	{ "a FIN shows a hole",
	  { { .len = 10 }, { .seq = 20, .flags = FIN | ACK } },
	  { 1, 0, 0, 1 } },
	{ "which is filled",
	  { { .len = 10 }, { .seq = 20, .flags = FIN | ACK }, { .seq = 10, .len = 10 } },
	  { 2, 0, 1, 0 } },
	{ "data with FIN, then without",
	  { { .len = 10, .flags = FIN | ACK }, { .len = 10 } },
	  { 2, 1, 0, 0 } },
	{ "a SYN takes a number",
	  { { .seq = -1U, .flags = SYN }, { .len = 10 }, { .seq = 10, .len = 10 } },
	  { 2, 0, 0, 0 } },
	{ "a SYN, a hole behind it",
	  { { .seq = -1U, .flags = SYN }, { .seq = 5, .len = 10 } },
	  { 1, 0, 0, 1 } },
	{ "a SYN that comes late again",
	  { { .seq = -1U, .flags = SYN },
	    { .len = 10 },
	    { .seq = -1U, .flags = SYN },
	    { .seq = 10, .len = 10 } },
	  { 2, 0, 0, 0 } },
	{ "a SYN and ACK that comes late again",
	  { { .seq = -1U, .flags = SYN | ACK },
	    { .len = 10 },
	    { .seq = -1U, .flags = SYN | ACK },
	    { .seq = 10, .len = 10 } },
	  { 2, 0, 0, 0 } },
	{ "a RST with any number is no data",
	  { { .len = 10 }, { .seq = 500, .flags = RST }, { .seq = 10, .len = 10 } },
	  { 2, 0, 0, 0 } },
	{ "a keep-alive without data",
	  { { .len = 10 }, { .seq = 9 }, { .seq = 10, .len = 10 } },
	  { 2, 0, 0, 0 } },
};

static void test_data(uint32_t base, int version)
{
	for (size_t i = 0; i < ARRAY_SIZE(data_cases); i++) {
		const struct data_case *c = &data_cases[i];
		const struct tcp_half *h;
		struct talk t;
		size_t open;

		talk_begin(&t, TALK_MAX);
		for (size_t k = 0;
		     k < ARRAY_SIZE(c->s) && (c->s[k].len || c->s[k].flags || c->s[k].seq); k++) {
			struct frame_tcp s = c->s[k];

			s.seq += base;
			s.version = version;
			talk_add(&t, &s);
		}
		tcp_track(&t.trace, &t.tcp);
		h = client_half(&t);
		open = tcp_holes_unfilled(h);
		if (!tap_ok(t.tcp.len == 1 && h->segments == c->want.segments &&
				    h->retransmissions == c->want.retransmissions &&
				    open == c->want.unfilled &&
				    h->holes_len - open == c->want.filled,
			    "%s, from %u, IPv%d", c->what, base, version))
			printf("# %zu connections, %llu segments, %llu again, %zu filled, %zu not\n",
			       t.tcp.len, (unsigned long long)h->segments,
			       (unsigned long long)h->retransmissions, h->holes_len - open, open);
		talk_end(&t);
	}
}

static void test_hole_frames(void)
{
	static const struct frame_tcp s[] = {
		{ .seq = 100, .len = 10 }, { .seq = 120, .len = 10 }, { .seq = 130, .len = 10 },
		{ .seq = 110, .len = 5 },  { .seq = 115, .len = 5 },
	};
	const struct tcp_half *h;
	struct talk t;

	talk_begin(&t, TALK_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		talk_add(&t, &s[i]);
	tcp_track(&t.trace, &t.tcp);
	h = client_half(&t);
	tap_is(h->holes_len, 1, "one hole");
	tap_is(h->holes[0].first_later, 1, "the frame that showed it");
	tap_is(h->holes[0].filled_by, 4, "the frame that filled the last of it");
	tap_is(h->last, 4, "the last frame with data");
	tap_is(h->next, 140, "what comes next");
	talk_end(&t);
}

/* --- what the server said -------------------------------------------------------------- */

#define SENT                                                                                       \
	{                                                                                          \
		.seq = 0, .len = 100                                                               \
	}
#define SAID(number)                                                                               \
	{                                                                                          \
		.from_server = true, .seq = 900, .ack = (number)                                   \
	}

static const struct ack_case {
	const char *what;
	struct frame_tcp s[12];
	struct {
		uint64_t duplicates;
		size_t stalls;
		bool resolved; /* the last stall, as what follows */
		size_t resent_by;
		uint64_t sent_after;
	} want;
} ack_cases[] = {
	{ "each ACK is new", { SENT, SAID(50), SAID(100) }, { 0, 0, false, 0, 0 } },
	{ "one repeated", { SENT, SAID(50), SAID(50) }, { 1, 1, false, TCP_NO_FRAME, 0 } },
	{ "three repeated, resolved",
	  { SENT, SAID(50), SAID(50), SAID(50), SAID(50), SAID(100) },
	  { 3, 1, true, TCP_NO_FRAME, 0 } },
	{ "nothing outstanding", { SENT, SAID(100), SAID(100), SAID(100) }, { 0, 0, false, 0, 0 } },
	{ "a window update",
	  { SENT, SAID(50), { .from_server = true, .ack = 50, .window = 2000 } },
	  { 0, 0, false, 0, 0 } },
	{ "a window update, and that repeated",
	  { SENT,
	    SAID(50),
	    { .from_server = true, .ack = 50, .window = 2000 },
	    { .from_server = true, .ack = 50, .window = 2000 } },
	  { 1, 1, false, TCP_NO_FRAME, 0 } },
	{ "data with the same number",
	  { SENT,
	    SAID(50),
	    { .from_server = true, .ack = 50, .len = 10 },
	    { .from_server = true, .ack = 50, .seq = 10, .len = 10 } },
	  { 0, 0, false, 0, 0 } },
	{ "a FIN with the same number",
	  { SENT, SAID(50), { .from_server = true, .ack = 50, .flags = FIN | ACK } },
	  { 0, 0, false, 0, 0 } },
	{ "an old number",
	  { SENT, SAID(50), SAID(100), SAID(50), SAID(50) },
	  { 0, 0, false, 0, 0 } },
	{ "a RST says nothing",
	  { SENT,
	    SAID(50),
	    { .from_server = true, .ack = 50, .flags = RST | ACK },
	    { .from_server = true, .ack = 90, .flags = RST | ACK },
	    SAID(50) },
	  { 1, 1, false, TCP_NO_FRAME, 0 } },
	{ "new data after it",
	  { SENT, SAID(50), SAID(50), { .seq = 100, .len = 10 }, { .seq = 110, .len = 10 } },
	  { 1, 1, false, TCP_NO_FRAME, 2 } },
	{ "sent again after it",
	  { SENT,
	    SAID(50),
	    SAID(50),
	    { .seq = 100, .len = 10 },
	    { .seq = 50, .len = 50 },
	    SAID(110) },
	  { 1, 1, true, 4, 1 } },
	{ "sent again in part",
	  { SENT, SAID(50), SAID(50), { .seq = 50, .len = 1 } },
	  { 1, 1, false, 3, 0 } },
	{ "what is behind it sent again",
	  { SENT, SAID(50), SAID(50), { .seq = 60, .len = 40 } },
	  { 1, 1, false, TCP_NO_FRAME, 0 } },
	{ "two stalls",
	  { SENT, SAID(50), SAID(50), SAID(60), SAID(60), SAID(60) },
	  { 3, 2, false, TCP_NO_FRAME, 0 } },
	{ "the ACK of the SYN repeated",
	  { { .seq = -1U, .flags = SYN },
	    { .from_server = true, .flags = SYN | ACK },
	    { .seq = 0, .ack = 1 },
	    SENT,
	    SAID(0),
	    SAID(0) },
	  { 2, 1, false, TCP_NO_FRAME, 0 } },
};

static void test_acks(uint32_t base, int version)
{
	for (size_t i = 0; i < ARRAY_SIZE(ack_cases); i++) {
		const struct ack_case *c = &ack_cases[i];
		const struct tcp_stall *last;
		const struct tcp_half *h;
		struct talk t;

		talk_begin(&t, TALK_MAX);
		for (size_t k = 0; k < ARRAY_SIZE(c->s); k++) {
			struct frame_tcp s = c->s[k];

			if (!s.len && !s.ack && !s.flags && !s.from_server)
				break;
			if (s.from_server)
				s.ack += base;
			else
				s.seq += base;
			s.version = version;
			talk_add(&t, &s);
		}
		tcp_track(&t.trace, &t.tcp);
		h = client_half(&t);
		last = h->stalls_len ? &h->stalls[h->stalls_len - 1] : NULL;
		if (!tap_ok(h->duplicate_acks == c->want.duplicates &&
				    h->stalls_len == c->want.stalls &&
				    (!last || (last->resolved == c->want.resolved &&
					       last->resent_by == c->want.resent_by &&
					       last->sent_after == c->want.sent_after)),
			    "%s, from %u, IPv%d", c->what, base, version))
			printf("# %llu duplicates, %zu stalls\n",
			       (unsigned long long)h->duplicate_acks, h->stalls_len);
		talk_end(&t);
	}
}

/* The end of a connection that is seen from its middle on is not known by its SYN */
static void test_middle(void)
{
	static const struct frame_tcp s[] = {
		{ .from_server = true, .seq = 7000, .ack = 100, .len = 10 },
		{ .seq = 100, .ack = 7010, .len = 10 },
		{ .from_server = true, .seq = 7010, .ack = 110 },
	};
	struct talk t;

	talk_begin(&t, TALK_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		talk_add(&t, &s[i]);
	tcp_track(&t.trace, &t.tcp);
	tap_is(t.tcp.len, 1, "both directions are one connection");
	if (!t.tcp.len)
		abort();
	tap_is(t.tcp.connections[0].port[0], 10000, "end 0 is who was seen first");
	tap_is(t.tcp.connections[0].half[0].holes_len + t.tcp.connections[0].half[1].holes_len, 0,
	       "a beginning that was not captured is no hole");
	talk_end(&t);
}

/* --- connections -------------------------------------------------------------------------- */

static void test_incarnations(void)
{
	static const struct {
		const char *what;
		struct frame_tcp s[8];
		size_t connections;
		uint64_t duplicates; /* of the last */
	} table[] = {
		{ "the same ports again, with another number",
		  { { .seq = 99, .flags = SYN },
		    { .seq = 100, .len = 10 },
		    { .seq = 100, .flags = FIN | ACK },
		    { .seq = 4999, .flags = SYN },
		    { .seq = 5000, .len = 10 } },
		  2,
		  0 },
		{ "with a lower number",
		  { { .seq = 9999, .flags = SYN },
		    { .seq = 10000, .len = 10 },
		    { .seq = 99, .flags = SYN },
		    { .seq = 100, .len = 10 } },
		  2,
		  0 },
		{ "the first was refused, and the second has a lower number",
		  { { .seq = 9999, .flags = SYN },
		    { .from_server = true, .seq = 1, .ack = 10000, .flags = SYN | ACK },
		    { .seq = 99, .flags = SYN },
		    { .seq = 100, .len = 10 },
		    { .from_server = true, .seq = 2, .ack = 100 },
		    { .from_server = true, .seq = 2, .ack = 100 } },
		  2,
		  1 },
		{ "a SYN that is sent again",
		  { { .seq = 99, .flags = SYN },
		    { .seq = 99, .flags = SYN },
		    { .seq = 100, .len = 10 } },
		  1,
		  0 },
		{ "a SYN that comes late is of the old",
		  { { .seq = 99, .flags = SYN },
		    { .seq = 100, .len = 10 },
		    { .seq = 99, .flags = SYN } },
		  1,
		  0 },
		{ "a capture that begins in the middle, then a SYN",
		  { { .seq = 100, .len = 10 }, { .seq = 99999, .flags = SYN } },
		  2,
		  0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct tcp_connection *last;
		struct talk t;
		size_t holes = 0;

		talk_begin(&t, TALK_MAX);
		for (size_t k = 0; k < ARRAY_SIZE(table[i].s) && table[i].s[k].seq; k++)
			talk_add(&t, &table[i].s[k]);
		tcp_track(&t.trace, &t.tcp);
		for (size_t k = 0; k < t.tcp.len; k++)
			holes += t.tcp.connections[k].half[0].holes_len;
		if (!t.tcp.len)
			abort();
		last = &t.tcp.connections[t.tcp.len - 1];
		tap_is(t.tcp.len, table[i].connections, "%s", table[i].what);
		tap_is(holes, 0, "%s: no hole", table[i].what);
		tap_is(last->half[0].duplicate_acks, table[i].duplicates, "%s: duplicate ACKs",
		       table[i].what);
		talk_end(&t);
	}
}

static double processor_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Processor time, since other work on the machine is not our affair */
static void test_many(const char *what, size_t flows, uint32_t step)
{
	const size_t segments = 100000;
	struct talk t;
	double begun, took;
	size_t wrong = 0;

	talk_begin(&t, segments);
	for (size_t i = 0; i < segments; i++)
		talk_add(&t, &(struct frame_tcp){ .client_port = (uint16_t)(20000 + i % flows),
						  .seq = (uint32_t)(i / flows) * step,
						  .len = 100 });
	begun = processor_s();
	tcp_track(&t.trace, &t.tcp);
	took = processor_s() - begun;
	tap_is(t.tcp.len, flows, "%s: all are told apart", what);
	for (size_t i = 0; i < t.tcp.len; i++)
		wrong += t.tcp.connections[i].half[0].segments != segments / flows ||
			 t.tcp.connections[i].half[0].holes_len !=
				 (step > 100 ? segments / flows - 1 : 0);
	tap_is(wrong, 0, "%s: each has its segments", what);
	tap_ok(took < 1, "%s: %.3f s for %zu segments", what, took, segments);
	talk_end(&t);
}

/* Ten thousand holes, filled from the last to the first, and one in two never */
static void test_many_holes(void)
{
	const uint32_t holes = 50000;
	struct talk t;
	double begun, took;

	talk_begin(&t, (size_t)holes * 2);
	for (uint32_t i = 0; i <= holes; i++)
		talk_add(&t, &(struct frame_tcp){ .seq = i * 200, .len = 100 });
	for (uint32_t i = holes; i >= 2; i -= 2)
		talk_add(&t, &(struct frame_tcp){ .seq = i * 200 - 100, .len = 100 });
	begun = processor_s();
	tcp_track(&t.trace, &t.tcp);
	took = processor_s() - begun;
	tap_is(client_half(&t)->holes_len, holes, "many holes");
	tap_is(tcp_holes_unfilled(client_half(&t)), holes / 2, "half of them filled");
	tap_ok(took < 1, "in %.3f s", took);
	talk_end(&t);
}

static void test_others(void)
{
	struct talk t;

	talk_begin(&t, TALK_MAX);
	tcp_track(&t.trace, &t.tcp);
	tap_is(t.tcp.len, 0, "no frames, no connections");
	tcp_trace_release(&t.tcp);
	t.trace.len = 3;
	t.trace.frames[0].bytes = t.bytes[0];
	t.trace.frames[1].len = frame_udp(t.bytes[1], false, 1, 20);
	t.trace.frames[1].parsed =
		packet_parse_frame(t.bytes[1], t.trace.frames[1].len, &t.trace.frames[1].packet);
	tcp_track(&t.trace, &t.tcp);
	tap_is(t.tcp.len, 0, "nor with frames that are not TCP");
	tap_ok(t.trace.frames[1].parsed, "but well formed");
	talk_end(&t);
}

int main(void)
{
	static const uint32_t bases[] = { 1000, 0, -5U, -15U, -25U, 0x7ffffff5 };

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		test_data(bases[i], i % 2 ? 6 : 4);
		test_acks(bases[i], i % 2 ? 4 : 6);
	}
	test_hole_frames();
	test_middle();
	test_incarnations();
	test_many("many flows", 10000, 100);
	test_many("one flow", 1, 100);
	test_many("a hole before each segment", 1, 200);
	test_many_holes();
	test_others();
	return tap_done();
}
