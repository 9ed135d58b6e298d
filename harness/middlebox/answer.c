// SPDX-License-Identifier: Apache-2.0
#include "middlebox/answer.h"

#include <string.h>

#include "base/cleanup.h"
#include "middlebox/proxy.h"

#define OWN_TTL 64 /* where no packet of the end has been seen */

/* The addresses of a packet that travels in @dir */
static struct segment_ack addressed(const struct flow_key *key, enum direction dir, uint8_t flags)
{
	enum direction to = proxy_opposite(dir);

	return (struct segment_ack){
		.version = key->version,
		.flags = flags,
		.ttl = OWN_TTL,
		.src = key->addr[dir],
		.dst = key->addr[to],
		.sport = key->port[dir],
		.dport = key->port[to],
	};
}

/* Up to @max SACK blocks of what a queue holds, the newest first (RFC 2018 section 4) */
static size_t sack_blocks(const struct reorder *q, struct segment_sack *ret, size_t max)
{
	const struct held *h = TAILQ_FIRST(&q->held);
	size_t len = 0;

	while (h) {
		struct segment_sack block = { h->seq, h->end };
		bool newest = false;

		for (; h && seq_leq(h->seq, block.right); h = TAILQ_NEXT(h, link)) {
			block.right = seq_lt(block.right, h->end) ? h->end : block.right;
			newest |= h == q->newest;
		}
		if (newest) {
			size_t moved = len < max ? len++ : max - 1;

			memmove(ret + 1, ret, moved * sizeof(*ret));
			ret[0] = block;
		} else if (len < max) {
			ret[len++] = block;
		}
	}
	return len;
}

static uint16_t written_window(const struct half *from, const struct half *to, uint32_t window)
{
	window >>= from->window_scale && to->window_scale ? to->shift : 0;
	return (uint16_t)(window > UINT16_MAX ? UINT16_MAX : window);
}

/* What of the receiver's window is left behind @ack: its right edge stays where it put it */
static uint16_t window_behind(const struct half *from, const struct half *to, uint32_t ack)
{
	uint32_t edge = from->acked + to->window;

	return written_window(from, to, seq_lt(ack, edge) ? edge - ack : 0);
}

/**
 * answer_has_sack() - Does answer_ack() report the queue now?
 * @config:	Says whether it may
 * @f:		The flow
 * @dir:	The way the data travels
 *
 * Not while segments are on their way between the device and the receiver: a
 * sender that hears of what came later takes them for lost.
 *
 * Return: true if so
 */
bool answer_has_sack(const struct engine_config *config, const struct flow *f, enum direction dir)
{
	const struct half *from = &f->half[dir], *to = &f->half[proxy_opposite(dir)];

	return config->ack_sack && from->sack_permitted && to->sack_permitted &&
	       from->queue.count && proxy_ack_point(config, from) == from->next;
}

/**
 * answer_ack() - Acknowledge what an end sent, in the receiver's name
 * @config:	Says what is acknowledged, and whether the queue is reported
 * @f:		Its flow
 * @dir:	The way the data travels
 * @ret:	The packet, for the other way
 *
 * Limit: what is reported as SACK may still be lost behind the device.  To its
 * sender the receiver then has reneged, which RFC 2018 section 8 allows; Linux
 * sends all of it again.
 *
 * Return: its length in bytes
 */
size_t answer_ack(const struct engine_config *config, const struct flow *f, enum direction dir,
		  uint8_t ret[SEGMENT_ACK_BYTES])
{
	enum direction back = proxy_opposite(dir);
	const struct half *from = &f->half[dir], *to = &f->half[back];
	uint32_t point = proxy_ack_point(config, from);
	struct segment_ack ack = addressed(&f->key, back, PACKET_TCP_ACK);

	ack.ttl = to->ttl;
	ack.seq = to->next + to->offset;
	ack.ack = point;
	ack.window = window_behind(from, to, point);
	ack.timestamps = from->timestamps && to->timestamps;
	ack.tsval = to->tsval;
	ack.tsecr = from->ts_recent;
	if (answer_has_sack(config, f, dir))
		ack.sack_len = sack_blocks(&from->queue, ack.sack,
					   SEGMENT_SACK_MAX - (ack.timestamps ? 1 : 0));
	return segment_make_ack(&ack, ret);
}

/**
 * answer_reset() - Tell an end that its connection is over, in the other's name
 * @f:		The flow
 * @dir:	The way the RST travels
 * @ret:	The packet
 *
 * Its sequence number is what the end acknowledged last, so that an end which
 * knows RFC 5961 believes it at once.
 *
 * Return: its length in bytes
 */
size_t answer_reset(const struct flow *f, enum direction dir, uint8_t ret[SEGMENT_ACK_BYTES])
{
	const struct half *name = &f->half[dir], *end = &f->half[proxy_opposite(dir)];
	struct segment_ack rst = addressed(&f->key, dir, PACKET_TCP_RST);

	rst.ttl = name->ttl ? name->ttl : OWN_TTL;
	if (f->state == FLOW_INTERCEPTED && !name->syn) {
		rst.seq = name->offset + 1; /* behind the cookie */
	} else if (name->syn) {
		rst.seq = (name->acked == name->isn ? name->isn + 1 : name->acked) + name->offset;
	} else {
		rst.flags |= PACKET_TCP_ACK; /* as RFC 9293 section 3.10.7.1 refuses a SYN */
		rst.ack = end->next;
	}
	return segment_make_ack(&rst, ret);
}

/**
 * answer_syn() - Open a connection to the server for a client that proved its address
 * @f:		In state FLOW_INTERCEPTED
 * @ret:	The packet
 *
 * Return: its length in bytes
 */
size_t answer_syn(const struct flow *f, uint8_t ret[SEGMENT_ACK_BYTES])
{
	const struct half *client = &f->half[f->initiator];
	struct segment_ack syn = addressed(&f->key, f->initiator, PACKET_TCP_SYN);

	syn.ttl = client->ttl;
	syn.seq = client->isn + client->offset;
	syn.window = written_window(client, client, client->window);
	syn.mss = client->mss;
	return segment_make_ack(&syn, ret);
}

/**
 * answer_plain() - An ACK in an end's name, for the other one, of all that it sent
 * @f:		A flow with both SYNs
 * @dir:	The way the ACK travels
 * @ret:	The packet
 *
 * Return: its length in bytes
 */
size_t answer_plain(const struct flow *f, enum direction dir, uint8_t ret[SEGMENT_ACK_BYTES])
{
	const struct half *name = &f->half[dir], *end = &f->half[proxy_opposite(dir)];
	struct segment_ack ack = addressed(&f->key, dir, PACKET_TCP_ACK);

	ack.ttl = name->ttl;
	ack.seq = name->next + name->offset;
	ack.ack = end->next;
	ack.window = written_window(end, name, name->window);
	return segment_make_ack(&ack, ret);
}

/**
 * answer_cookie() - The SYN-ACK of a SYN cookie
 * @key:	Of the connection
 * @a:		The SYN
 * @cookie:	Its sequence number
 * @mss:	The MSS that the device gives in the server's name
 * @ret:	The packet
 *
 * Its window is 0, so that the client waits until the server is there.
 *
 * Return: its length in bytes
 */
size_t answer_cookie(const struct flow_key *key, const struct arrival *a, uint32_t cookie,
		     uint16_t mss, uint8_t ret[SEGMENT_ACK_BYTES])
{
	struct segment_ack ack =
		addressed(key, proxy_opposite(a->dir), PACKET_TCP_SYN | PACKET_TCP_ACK);

	ack.seq = cookie;
	ack.ack = a->packet.seq + 1;
	ack.mss = mss;
	return segment_make_ack(&ack, ret);
}
