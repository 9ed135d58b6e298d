// SPDX-License-Identifier: Apache-2.0
#include "sender.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "decode/packet.h"

#define RTO_MIN_NS     (1 * NS_PER_S) /* also the first one: RFC 6298 sections 2.1 and 2.4 */
#define RTO_MAX_NS     (60 * NS_PER_S) /* section 2.5 */
#define DUPLICATE_ACKS 3

/** sender_init() - Nothing sent yet; @una is the number of the first byte to come */
void sender_init(struct sender *s, uint32_t una)
{
	*s = (struct sender){
		.una = una, .window = SENDER_LIMIT, .rto_ns = RTO_MIN_NS, .deadline_ns = UINT64_MAX
	};
}

/** sender_release() - Free what is kept; sender_init() makes it usable again */
void sender_release(struct sender *s)
{
	while (s->first) {
		struct unacked *u = s->first;

		s->first = u->next;
		free(u);
	}
	s->last = NULL;
	s->bytes = 0;
	s->deadline_ns = UINT64_MAX;
}

/**
 * sender_keep() - Keep a copy of what is about to be sent
 * @s:		Sender
 * @seq:	Its first sequence number, behind all kept so far
 * @payload:	Bytes
 * @len:	How many
 * @now_ns:	The time
 *
 * Return: false if there is no room: it must not be sent then
 */
bool sender_keep(struct sender *s, uint32_t seq, const uint8_t *payload, size_t len,
		 uint64_t now_ns)
{
	struct unacked *u;

	if (s->first && s->bytes + len > (s->window < SENDER_LIMIT ? s->window : SENDER_LIMIT))
		return false;
	u = malloc(sizeof(*u) + len);
	if (!u)
		return false;
	*u = (struct unacked){ .sent_ns = now_ns, .seq = seq, .len = len };
	memcpy(u->payload, payload, len);
	if (s->first)
		s->last->next = u;
	else
		s->first = u;
	s->last = u;
	s->bytes += len;
	if (s->deadline_ns == UINT64_MAX)
		s->deadline_ns = now_ns + s->rto_ns;
	return true;
}

/* RFC 6298 section 2 */
static void sample(struct sender *s, uint64_t rtt_ns)
{
	uint64_t off = rtt_ns > s->srtt_ns ? rtt_ns - s->srtt_ns : s->srtt_ns - rtt_ns;

	if (s->srtt_ns) {
		s->rttvar_ns = (3 * s->rttvar_ns + off) / 4;
		s->srtt_ns = (7 * s->srtt_ns + rtt_ns) / 8;
	} else {
		s->srtt_ns = rtt_ns;
		s->rttvar_ns = rtt_ns / 2;
	}
	s->rto_ns = s->srtt_ns + 4 * s->rttvar_ns;
	if (s->rto_ns < RTO_MIN_NS)
		s->rto_ns = RTO_MIN_NS;
	if (s->rto_ns > RTO_MAX_NS)
		s->rto_ns = RTO_MAX_NS;
}

static const struct unacked *resend_first(struct sender *s, uint64_t now_ns)
{
	s->first->again = true;
	s->deadline_ns = now_ns + s->rto_ns;
	return s->first;
}

static const struct unacked *advance(struct sender *s, uint32_t ack, uint64_t now_ns)
{
	s->una = ack;
	s->duplicates = 0;
	while (s->first && seq_leq(s->first->seq + (uint32_t)s->first->len, ack)) {
		struct unacked *u = s->first;

		if (!u->again && now_ns > u->sent_ns)
			sample(s, now_ns - u->sent_ns);
		s->first = u->next;
		s->bytes -= u->len;
		free(u);
	}
	if (s->recovering && seq_leq(s->recover, ack))
		s->recovering = false;
	s->deadline_ns = s->first ? now_ns + s->rto_ns : UINT64_MAX;
	return s->first && s->recovering ? resend_first(s, now_ns) : NULL;
}

/**
 * sender_ack() - A segment with an acknowledgment has arrived
 * @s:		Sender
 * @ack:	Its acknowledgment number
 * @pure:	It carries nothing, no SYN and no FIN: only such a one is a duplicate ACK
 * @sent:	The number behind the last byte sent
 * @now_ns:	The time
 *
 * Return: what to send again now, or NULL
 */
const struct unacked *sender_ack(struct sender *s, uint32_t ack, bool pure, uint32_t sent,
				 uint64_t now_ns)
{
	if (seq_lt(s->una, ack) && seq_leq(ack, sent))
		return advance(s, ack, now_ns);
	if (!pure || ack != s->una || !s->first)
		return NULL;
	if (++s->duplicates != DUPLICATE_ACKS || s->recovering)
		return NULL;
	s->recovering = true;
	s->recover = sent;
	return resend_first(s, now_ns);
}

/**
 * sender_expire() - Time has passed
 * @s:		Sender
 * @sent:	The number behind the last byte sent
 * @now_ns:	The time
 *
 * Return: what to send again now, or NULL
 */
const struct unacked *sender_expire(struct sender *s, uint32_t sent, uint64_t now_ns)
{
	if (!s->first || now_ns < s->deadline_ns)
		return NULL;
	if (!s->no_backoff)
		s->rto_ns = s->rto_ns * 2 < RTO_MAX_NS ? s->rto_ns * 2 : RTO_MAX_NS;
	s->duplicates = 0;
	s->recovering = true;
	s->recover = sent;
	return resend_first(s, now_ns);
}
