/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TCP looks like at one point of the path: connections, and in each direction
 * what was sent, sent again, acknowledged, missing here, and filled later.
 *
 * It says what can be seen from outside (RFC 9293 section 3.8.1, RFC 5681 section 2);
 * it does not know what an endpoint thinks.
 */
#ifndef DUPACK_DECODE_TCP_H
#define DUPACK_DECODE_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/trace.h"

#define TCP_NO_FRAME SIZE_MAX /* an index of no frame */

/** Bytes that this point did not see before later ones came. */
struct tcp_hole {
	uint32_t start, end; /* what is still missing of it; equal: nothing */
	size_t first_later; /* frame by which it was noticed */
	size_t filled_by; /* frame that filled the last of it, or TCP_NO_FRAME */
};

/** An acknowledgement that was repeated while later data was on its way. */
struct tcp_stall {
	uint32_t ack;
	uint64_t duplicates; /* pure ACKs that repeat it */
	size_t first_duplicate, last_duplicate; /* frames */
	uint64_t sent_after; /* segments with new data after the first duplicate */
	size_t first_sent_after; /* frame */
	size_t resent_by; /* frame that sent the data at .ack again, or TCP_NO_FRAME */
	bool resolved; /* the acknowledgement went on */
};

/** What one end sends, and what the other says to it. */
struct tcp_half {
	bool seen; /* any segment */
	uint32_t isn; /* of its SYN */
	bool isn_known;
	uint32_t next; /* behind the highest byte, or FIN, that was seen */
	bool next_known;
	uint32_t ack; /* the highest that the other end sent */
	bool ack_known;
	uint16_t window; /* of the other end's last ACK */
	uint64_t segments; /* with payload */
	uint64_t retransmissions; /* segments whose bytes were all seen here before */
	uint64_t duplicate_acks; /* that the other end sent */
	struct tcp_hole *holes; /* in the order of their start; owned */
	size_t holes_len, holes_room;
	struct tcp_stall *stalls; /* owned */
	size_t stalls_len, stalls_room;
	size_t last; /* its last frame with payload, or TCP_NO_FRAME */
};

struct tcp_connection {
	int version;
	uint8_t address[2][16]; /* of the two ends; end 0 was seen first */
	uint16_t port[2];
	struct tcp_half half[2]; /* what end 0 sends, what end 1 sends */
	size_t first, last; /* frames */
	size_t older; /* the next connection of the same hash chain; internal */
};

struct tcp_trace {
	struct tcp_connection *connections; /* owned */
	size_t len, room;
	size_t *chains; /* internal, owned */
	bool failed; /* no memory: what is there is not complete */
};

void tcp_track(const struct trace *t, struct tcp_trace *ret);
void tcp_trace_release(struct tcp_trace *t);
size_t tcp_holes_unfilled(const struct tcp_half *h);

#endif
