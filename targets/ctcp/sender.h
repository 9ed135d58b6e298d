/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cTCP lacks: a minimal honest TCP sender, for the counter-proof
 * (retransmit=on).
 *
 * It keeps what was sent until it is acknowledged, resends the first missing
 * segment on three duplicate ACKs (RFC 5681 section 3.2) and the next one on a
 * partial ACK (RFC 6582), and on a timeout (RFC 6298).  Segment boundaries
 * never change: a cTCP segment is a datagram.  It has no congestion window; it
 * keeps to the window that it is offered, but for one segment, since a datagram
 * cannot be cut to fit.  It never gives up: the IKE daemon does.
 */
#ifndef CTCP_SENDER_H
#define CTCP_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SENDER_LIMIT 65535

/** A segment that is not yet acknowledged. */
struct unacked {
	struct unacked *next;
	uint64_t sent_ns;
	uint32_t seq;
	bool again; /* sent more than once: no sample of the round trip (Karn) */
	size_t len;
	uint8_t payload[];
};

struct sender {
	struct unacked *first, *last; /* owned, in order of seq */
	size_t bytes;
	uint32_t window; /* what the other end offers */
	bool no_backoff; /* a fault: the time-out stays what it is */
	uint32_t una; /* the lowest number not acknowledged */
	uint32_t recover; /* while .recovering: until this is acknowledged */
	bool recovering;
	unsigned int duplicates;
	uint64_t srtt_ns, rttvar_ns, rto_ns;
	uint64_t deadline_ns; /* UINT64_MAX: nothing is outstanding */
};

void sender_init(struct sender *s, uint32_t una);
void sender_release(struct sender *s);
bool sender_keep(struct sender *s, uint32_t seq, const uint8_t *payload, size_t len,
		 uint64_t now_ns);
const struct unacked *sender_ack(struct sender *s, uint32_t ack, bool pure, uint32_t sent,
				 uint64_t now_ns);
const struct unacked *sender_expire(struct sender *s, uint32_t sent, uint64_t now_ns);

#endif
