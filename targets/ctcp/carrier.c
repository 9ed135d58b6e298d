// SPDX-License-Identifier: Apache-2.0
/*
 * Which connection a packet belongs to, and when a connection comes and goes.
 *
 * A head-end keeps a connection that has ended in its table, closed, until
 * the table is full: so the local stack's packets for that client still come
 * here and are dropped, as they are by a head-end whose SA lives on cTCP, and
 * do not leave as bare ESP.
 */
#include "carrier.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "decode/packet.h"

#define FIRST_PORT                                                                                 \
	49152 /* dynamic ports (RFC 6335 section 6): no dissector takes them for another */

static void send_segment(void *ctx, const struct ctcp_segment *s)
{
	struct carrier *c = ctx;
	uint8_t packet[CTCP_MTU];
	size_t len;

	if (++c->ip_id == 0)
		c->ip_id = 1; /* the kernel would choose one */
	len = ctcp_segment_build(s, c->ip_id, packet, sizeof(packet));
	if (len && c->world->wire(c->world->ctx, packet, len))
		c->counts[COUNT_SEGMENTS_OUT]++;
	else
		c->counts[COUNT_SEND_ERROR]++;
}

static void send_datagram(void *ctx, const struct ctcp_datagram *d)
{
	struct carrier *c = ctx;
	uint8_t packet[CTCP_SEGMENT_MAX];
	size_t len = ctcp_inner_build(d, c->local_port, packet, sizeof(packet));

	if (len && c->world->stack(c->world->ctx, packet, len))
		c->counts[COUNT_DATAGRAMS_OUT]++;
	else
		c->counts[COUNT_SEND_ERROR]++;
}

static uint32_t draw(void *ctx)
{
	const struct carrier *c = ctx;

	return c->world->random32(c->world->ctx);
}

static struct peer_addresses addresses(const struct carrier *c, const uint8_t remote[4],
				       uint16_t remote_port)
{
	struct peer_addresses at = { .local_port = c->local_port, .remote_port = remote_port };

	memcpy(at.local, c->local, sizeof(at.local));
	memcpy(at.remote, remote, sizeof(at.remote));
	return at;
}

/**
 * carrier_init() - Be ready to carry
 * @c:		Filled in; must not move; carrier_release() frees what it owns
 * @profile:	Behaviour; must outlive @c
 * @client:	Role
 * @local:	Our outer address
 * @remote:	Client: the head-end's; head-end: not read
 * @world:	Outputs; must outlive @c
 *
 * Return: false without memory
 */
bool carrier_init(struct carrier *c, const struct peer_profile *profile, bool client,
		  const uint8_t local[4], const uint8_t remote[4],
		  const struct carrier_world *world)
{
	*c = (struct carrier){
		.profile = profile,
		.world = world,
		.client = client,
		.local_port = profile->port,
		.out = { .ctx = c,
			 .segment = send_segment,
			 .datagram = send_datagram,
			 .random32 = draw },
		.deadline_ns = UINT64_MAX,
	};
	memcpy(c->local, local, sizeof(c->local));
	c->out.counts = c->counts;
	c->ip_id = (uint16_t)world->random32(world->ctx);
	c->table = table_new((uint64_t)draw(c) << 32 | draw(c));
	if (!c->table)
		return false;
	if (client) {
		struct peer_addresses at;
		struct peer *p;

		c->local_port = (uint16_t)(FIRST_PORT + draw(c) % (65536 - FIRST_PORT));
		at = addresses(c, remote, profile->port);
		p = table_add(c->table, profile, true, &at);
		if (!p)
			return false;
		table_know(c->table, p);
		world->claim(world->ctx, remote, true);
	}
	return true;
}

/** carrier_release() - Free all, silently; carrier_close() first says good-bye */
void carrier_release(struct carrier *c)
{
	table_free(c->table);
	c->table = NULL;
}

static void forget(struct carrier *c, struct peer *p)
{
	uint8_t address[4];

	memcpy(address, p->at.remote, sizeof(address));
	if (table_remove(c->table, p))
		c->world->claim(c->world->ctx, address, false);
}

/* After anything that may have changed a peer; @p may be gone then */
static void settle(struct carrier *c, struct peer *p, enum peer_state before)
{
	uint64_t deadline = peer_deadline(p);

	if (deadline < c->deadline_ns)
		c->deadline_ns = deadline;
	if (p->state == before)
		return;
	if (p->state == PEER_ESTABLISHED && table_know(c->table, p))
		c->world->claim(c->world->ctx, p->at.remote, true);
	if (p->state == PEER_CLOSED && !table_entry_of(p)->known)
		forget(c, p);
}

/**
 * carrier_from_stack() - The local stack has sent a packet
 * @c:		Carrier
 * @packet:	A whole IP packet; may be changed
 * @len:	Bytes
 * @now_ns:	The time
 */
void carrier_from_stack(struct carrier *c, uint8_t *packet, size_t len, uint64_t now_ns)
{
	struct ctcp_datagram d;
	enum count why = ctcp_inner_parse(packet, len, &d);
	struct peer *p;
	enum peer_state before;

	c->counts[COUNT_DATAGRAMS_IN]++;
	if (why) {
		c->counts[why]++;
		return;
	}
	p = table_find_address(c->table, d.dst);
	if (!p) {
		c->counts[COUNT_NOT_ESTABLISHED]++;
		return;
	}
	before = p->state;
	peer_send(p, &d, now_ns, &c->out);
	settle(c, p, before);
}

static struct peer *admit(struct carrier *c, const struct packet *seg)
{
	struct peer_addresses at = addresses(c, seg->src, seg->sport);
	struct peer *p = table_add(c->table, c->profile, false, &at);

	if (!p && (p = table_oldest_idle(c->table))) {
		forget(c, p);
		p = table_add(c->table, c->profile, false, &at);
	}
	if (!p)
		c->counts[COUNT_TABLE_FULL]++;
	return p;
}

static bool opens(const struct carrier *c, const struct packet *seg)
{
	const uint8_t kind = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_FIN | PACKET_TCP_RST;

	return !c->client && (seg->flags & kind) == PACKET_TCP_SYN;
}

/**
 * carrier_from_wire() - An IPv4 packet with TCP has arrived
 * @c:		Carrier
 * @packet:	From its IP header on
 * @len:	Bytes
 * @checked:	Do not check the checksum: the packet comes from this machine,
 *		which leaves it to a device
 * @now_ns:	The time
 */
void carrier_from_wire(struct carrier *c, const uint8_t *packet, size_t len, bool checked,
		       uint64_t now_ns)
{
	struct packet seg;
	bool whole = packet_parse_ip(packet, len, &seg);
	struct peer *p;
	enum peer_state before;

	if (seg.version == 4 && (seg.fragment || seg.more_fragments)) {
		c->counts[COUNT_FRAGMENT]++;
		return;
	}
	if (!whole || seg.version != 4 || !seg.tcp) {
		c->counts[COUNT_MALFORMED]++;
		return;
	}
	if (seg.dport != c->local_port || memcmp(seg.dst, c->local, sizeof(c->local)) != 0)
		return;
	c->counts[COUNT_SEGMENTS_IN]++;
	if (!checked && !packet_l4_checksum_ok(&seg)) {
		c->counts[COUNT_BAD_CHECKSUM]++;
		return;
	}
	p = table_find(c->table, seg.src, seg.sport);
	if (!p && opens(c, &seg)) {
		p = admit(c, &seg);
		if (!p)
			return;
	}
	if (!p) {
		c->counts[COUNT_UNKNOWN_CONNECTION]++;
		peer_reject(&seg, &c->out);
		return;
	}
	before = p->state;
	peer_receive(p, &seg, now_ns, &c->out);
	settle(c, p, before);
}

/**
 * carrier_expire() - Do what is due; c->deadline_ns then says when to come again
 *
 * Linear in the connections, but only when one of them may be due.
 */
void carrier_expire(struct carrier *c, uint64_t now_ns)
{
	if (now_ns < c->deadline_ns)
		return;
	c->deadline_ns = UINT64_MAX;
	/* from the end: settle() may remove the entry that we are at */
	for (size_t i = c->table->len; i-- > 0;) {
		struct peer *p = &c->table->v[i]->peer;
		enum peer_state before = p->state;

		peer_expire(p, now_ns, &c->out);
		settle(c, p, before);
	}
}

/** carrier_close() - End every connection with a RST; the carrier stays usable */
void carrier_close(struct carrier *c, uint64_t now_ns)
{
	for (size_t i = c->table->len; i-- > 0;) {
		struct peer *p = &c->table->v[i]->peer;
		enum peer_state before = p->state;

		peer_close(p, now_ns, &c->out);
		settle(c, p, before);
	}
}

static void print_peer(const struct peer *p, FILE *out)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, p->at.remote, address, sizeof(address));
	fprintf(out,
		"{\"remote\":\"%s\",\"port\":%u,\"local-port\":%u,\"state\":\"%s\","
		"\"sent\":%" PRIu32 ",\"received\":%" PRIu32 ",\"unacknowledged\":%zu}",
		address, p->at.remote_port, p->at.local_port, peer_state_name(p->state),
		p->next - p->iss - 1, p->in.next - p->irs - 1, p->out.bytes);
}

/**
 * carrier_print() - State and statistics as one JSON object, one line
 * @c:		Carrier
 * @out:	Receives it; at most 16 connections are listed
 */
void carrier_print(const struct carrier *c, FILE *out)
{
	size_t established = 0;

	for (size_t i = 0; i < c->table->len; i++)
		established += c->table->v[i]->peer.state == PEER_ESTABLISHED;
	fprintf(out, "{\"state\":\"%s\",\"role\":\"%s\",\"established\":%zu,\"peers\":[",
		established ? "established" : "closed", c->client ? "client" : "headend",
		established);
	for (size_t i = 0; i < c->table->len && i < 16; i++) {
		if (i)
			fputc(',', out);
		print_peer(&c->table->v[i]->peer, out);
	}
	fputs("],", out);
	counts_print(c->counts, out);
	fputs("}\n", out);
}
