// SPDX-License-Identifier: Apache-2.0
/*
 * targets/ctcp: two whole carriers on a wire in memory, in simulated time, with
 * losses: without retransmission only what is lost is missing, with it nothing;
 * and a head-end under many clients.
 */
#include "../../targets/ctcp/carrier.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/prng.h"
#include "base/units.h"
#include "decode/packet.h"
#include "tests/tap.h"

#define DELAY_NS (10 * NS_PER_MS)
#define FLYING	 4096
#define PACKETS	 1000

static const uint8_t client_address[4] = { 10, 0, 1, 1 }, headend_address[4] = { 10, 0, 3, 2 };

struct sim;

/* One node: its carrier, and what its local stack has got */
struct node {
	struct sim *sim;
	struct peer_profile profile;
	struct carrier_world world;
	struct carrier carrier;
	unsigned int got[PACKETS], got_ike, claims, unclaims;
};

/* A segment on its way */
struct flight {
	uint64_t at;
	struct node *to;
	uint8_t bytes[CTCP_MTU];
	size_t len;
};

struct sim {
	struct node client, headend;
	struct prng random, loss;
	double loss_ratio;
	int lose_data; /* lose the n-th data segment of the client, from 1 */
	int data_seen;
	bool every; /* ...and each after it with the same bytes */
	uint8_t lost[CTCP_MTU];
	size_t lost_len;
	uint64_t now;
	struct flight *flying;
	size_t head, tail;
};

static bool lose(struct sim *s, const struct node *from, const uint8_t *packet, size_t len)
{
	struct packet p;

	packet_parse_ip(packet, len, &p);
	if (from == &s->client && p.payload_len && ++s->data_seen == s->lose_data) {
		memcpy(s->lost, p.payload, p.payload_len);
		s->lost_len = p.payload_len;
		return true;
	}
	if (s->every && s->lost_len && p.payload_len == s->lost_len &&
	    memcmp(p.payload, s->lost, s->lost_len) == 0)
		return true;
	return prng_unit(&s->loss) < s->loss_ratio;
}

static bool to_wire(void *ctx, const uint8_t *packet, size_t len)
{
	struct node *n = ctx;
	struct sim *s = n->sim;
	struct flight *f = &s->flying[s->tail % FLYING];

	if (lose(s, n, packet, len))
		return true;
	if (s->tail - s->head == FLYING)
		abort();
	f->at = s->now + DELAY_NS;
	f->to = n == &s->client ? &s->headend : &s->client;
	f->len = len;
	memcpy(f->bytes, packet, len);
	s->tail++;
	return true;
}

static bool to_stack(void *ctx, const uint8_t *packet, size_t len)
{
	struct node *n = ctx;
	struct packet p;
	uint32_t i;

	if (!packet_parse_ip(packet, len, &p))
		abort();
	if (p.proto == 17) {
		n->got_ike += p.dport == 500;
		return true;
	}
	memcpy(&i, p.l4 + 4, sizeof(i));
	if (i >= PACKETS)
		abort();
	n->got[i]++;
	return true;
}

static void claim(void *ctx, const uint8_t address[4], bool on)
{
	struct node *n = ctx;

	(void)address;
	if (on)
		n->claims++;
	else
		n->unclaims++;
}

static uint32_t random32(void *ctx)
{
	struct node *n = ctx;

	return (uint32_t)prng_u64(&n->sim->random);
}

static void node_init(struct sim *s, struct node *n, bool client, const char *options)
{
	n->sim = s;
	peer_profile_default(&n->profile);
	if (strstr(options, "retransmit")) {
		n->profile.retransmit = n->profile.pure_acks = true;
		n->profile.ack = ACK_INORDER;
	}
	n->world = (struct carrier_world){ n, to_wire, to_stack, claim, random32 };
	if (!carrier_init(&n->carrier, &n->profile, client,
			  client ? client_address : headend_address, headend_address, &n->world))
		abort();
}

static struct sim *sim_new(const char *options, uint64_t seed)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s || !(s->flying = calloc(FLYING, sizeof(*s->flying))))
		abort();
	prng_init(&s->random, seed, "isn");
	prng_init(&s->loss, seed, "loss");
	node_init(s, &s->client, true, options);
	node_init(s, &s->headend, false, options);
	return s;
}

static void sim_release(struct sim **s)
{
	carrier_release(&(*s)->client.carrier);
	carrier_release(&(*s)->headend.carrier);
	free((*s)->flying);
	free(*s);
}
#define AUTO_SIM __attribute__((cleanup(sim_release)))

/* Until @end: whatever comes first, a segment or a timer */
static void sim_run(struct sim *s, uint64_t end)
{
	for (;;) {
		struct flight *f = s->head == s->tail ? NULL : &s->flying[s->head % FLYING];
		uint64_t next = f ? f->at : UINT64_MAX;

		next = s->client.carrier.deadline_ns < next ? s->client.carrier.deadline_ns : next;
		next = s->headend.carrier.deadline_ns < next ? s->headend.carrier.deadline_ns
							     : next;
		if (next > end)
			break;
		s->now = next > s->now ? next : s->now;
		if (f && f->at <= s->now) {
			s->head++;
			carrier_from_wire(&f->to->carrier, f->bytes, f->len, false, s->now);
		}
		carrier_expire(&s->client.carrier, s->now);
		carrier_expire(&s->headend.carrier, s->now);
	}
	s->now = end;
}

/* The local stack of @n sends; numbered ESP, or IKE if @number is negative */
static void stack(struct node *n, int number, size_t len)
{
	struct sim *s = n->sim;
	bool up = n == &s->client;
	uint8_t ip[2048] = { 0x45, 0, (uint8_t)((20 + len) >> 8), (uint8_t)(20 + len) };
	uint8_t *l4 = ip + 20;

	memcpy(ip + 12, up ? client_address : headend_address, 4);
	memcpy(ip + 16, up ? headend_address : client_address, 4);
	ip[9] = number < 0 ? 17 : 50;
	if (number < 0) {
		memcpy(l4, (uint8_t[]){ 1, 0xf4, 1, 0xf4, (uint8_t)(len >> 8), (uint8_t)len }, 6);
		l4[8 + 26] = (uint8_t)((len - 8) >> 8);
		l4[8 + 27] = (uint8_t)(len - 8);
	} else {
		l4[0] = 1;
		memcpy(l4 + 4, &number, 4);
	}
	carrier_from_stack(&n->carrier, ip, 20 + len, s->now);
}

static void open_tunnel(struct sim *s)
{
	stack(&s->client, -1, 300);
	sim_run(s, s->now + 100 * NS_PER_MS);
	stack(&s->headend, -1, 300);
	sim_run(s, s->now + 100 * NS_PER_MS);
	if (s->client.got_ike != 1 || s->headend.got_ike != 1)
		abort();
}

/* @n datagrams from each end to the other, one each 20 ms; both forms arrive at first */
static void talk(struct sim *s, int n)
{
	stack(&s->headend, 0, 50); /* the head-end shows its form */
	for (int i = 0; i < n; i++) {
		stack(&s->client, i, 100 + (size_t)i % 7 * 100);
		if (i)
			stack(&s->headend, i, 100);
		sim_run(s, s->now + 20 * NS_PER_MS);
	}
}

static int exactly_once(const struct node *n, int from, int to)
{
	int once = 0;

	for (int i = from; i < to; i++)
		once += n->got[i] == 1;
	return once;
}

static void check_clean(void)
{
	AUTO_SIM struct sim *s = sim_new("", 1);

	open_tunnel(s);
	talk(s, 100);
	sim_run(s, s->now + NS_PER_S);
	tap_is(exactly_once(&s->headend, 0, 100), 100, "up: each datagram once");
	tap_is(exactly_once(&s->client, 1, 100), 99, "down: each datagram once");
	tap_ok(s->headend.claims == 1 && s->client.claims == 1, "one route each");
	tap_is(s->client.carrier.counts[COUNT_SEGMENTS_IN],
	       s->headend.carrier.counts[COUNT_SEGMENTS_OUT], "all segments arrive");
}

static void check_one_loss(void)
{
	AUTO_SIM struct sim *s = sim_new("", 1);

	s->lose_data = 20;
	open_tunnel(s);
	talk(s, 100);
	sim_run(s, s->now + 3600 * NS_PER_S);
	tap_is(exactly_once(&s->headend, 0, 100), 99, "cTCP: the lost datagram is missing");
	tap_is(s->headend.got[18], 0, "that one");
	tap_is(s->client.carrier.counts[COUNT_RETRANSMITTED], 0, "it is never sent again");
	tap_is(exactly_once(&s->client, 1, 100), 99, "the others pass, without a device between");
}

static void check_retransmit(void)
{
	AUTO_SIM struct sim *s = sim_new("retransmit", 1);
	uint64_t start;

	s->lose_data = 20;
	open_tunnel(s);
	start = s->now;
	talk(s, 100);
	tap_ok(s->now - start < 3 * NS_PER_S && exactly_once(&s->headend, 0, 100) == 100,
	       "retransmit=on: all arrive, in time");
	tap_is(s->client.carrier.counts[COUNT_RETRANSMITTED], 1, "one retransmission did it");
	sim_run(s, s->now + 10 * NS_PER_S);
	tap_is(s->client.carrier.table->v[0]->peer.out.bytes, 0, "all is acknowledged");
	tap_ok(s->client.carrier.table->v[0]->peer.out.deadline_ns == UINT64_MAX, "no timer runs");
}

/* The last datagram is lost: no duplicate ACKs, only the timer */
static void check_timeout(void)
{
	static const unsigned int at_s[] = { 1, 3, 7, 15, 31, 63, 123, 183 };
	AUTO_SIM struct sim *s = sim_new("retransmit", 1);
	uint64_t start;

	open_tunnel(s);
	talk(s, 1);
	sim_run(s, s->now + NS_PER_S);
	s->lose_data = s->data_seen + 1;
	s->every = true;
	start = s->now;
	stack(&s->client, 1, 100);
	for (unsigned int i = 0; i < ARRAY_SIZE(at_s); i++) {
		sim_run(s, start + at_s[i] * NS_PER_S - 1);
		tap_is(s->client.carrier.counts[COUNT_RETRANSMITTED], i, "not before %u s",
		       at_s[i]);
		sim_run(s, start + at_s[i] * NS_PER_S);
		tap_is(s->client.carrier.counts[COUNT_RETRANSMITTED], i + 1, "then again");
	}
	tap_is(s->headend.got[1], 0, "each of them was lost, so each had the same bytes");
	s->every = false;
	sim_run(s, s->now + 61 * NS_PER_S);
	tap_is(s->headend.got[1], 1, "the first that is not lost fills the hole");
}

static void check_heavy_loss(void)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		AUTO_SIM struct sim *s = sim_new("retransmit", seed);

		open_tunnel(s);
		s->loss_ratio = 0.2;
		talk(s, 300);
		s->loss_ratio = 0;
		sim_run(s, s->now + 300 * NS_PER_S);
		tap_is(exactly_once(&s->headend, 0, 300) + exactly_once(&s->client, 1, 300) +
			       (int)s->client.carrier.counts[COUNT_SEND_BUFFER_FULL] +
			       (int)s->headend.carrier.counts[COUNT_SEND_BUFFER_FULL],
		       599, "20 %% loss both ways, seed %d: each datagram exactly once", (int)seed);
		tap_ok(s->client.carrier.counts[COUNT_RETRANSMITTED] > 30, "it was heavy");
	}
}

static void check_send_buffer(void)
{
	AUTO_SIM struct sim *s = sim_new("retransmit", 1);

	open_tunnel(s);
	for (int i = 0; i < 70; i++)
		stack(&s->client, i, 1000);
	tap_is(s->client.carrier.counts[COUNT_SEND_BUFFER_FULL], 70 - 65535 / 1016,
	       "what would be more than 64 kB unacknowledged is dropped");
}

/* A segment from anybody, by hand */
static void wire_from(struct sim *s, uint8_t a, uint8_t b, uint16_t port, uint8_t flags,
		      uint32_t ack)
{
	struct ctcp_segment seg = { .src = { 10, 9, a, b },
				    .sport = port,
				    .dport = 10000,
				    .seq = 100,
				    .ack = ack,
				    .flags = flags };
	uint8_t packet[64];
	size_t len;

	memcpy(seg.dst, headend_address, 4);
	len = ctcp_segment_build(&seg, 1, packet, sizeof(packet));
	carrier_from_wire(&s->headend.carrier, packet, len, false, s->now);
	s->head = s->tail; /* answers go nowhere */
}

static void check_flood(void)
{
	AUTO_SIM struct sim *s = sim_new("", 1);
	struct carrier *h = &s->headend.carrier;

	open_tunnel(s);
	for (int i = 0; i < 20000; i++)
		wire_from(s, (uint8_t)(i >> 8), (uint8_t)i, 1234, PACKET_TCP_SYN, 0);
	tap_is(h->table->len, TABLE_MAX, "20000 SYNs: the table is bounded");
	talk(s, 10);
	tap_is(exactly_once(&s->headend, 0, 10), 10, "the established connection lives");
	sim_run(s, s->now + 4 * NS_PER_S);
	tap_is(h->table->len, 1, "the half-open ones are gone after 3 s");
	tap_ok(h->counts[COUNT_HANDSHAKE_TIMEOUT] >= TABLE_MAX - 1, "and counted");
	tap_is(s->headend.unclaims, 0, "no route was touched");
}

/* Clients come and go: closed ones are remembered until there is no room */
static void check_many_clients(void)
{
	AUTO_SIM struct sim *s = sim_new("", 1);
	struct carrier *h = &s->headend.carrier;
	uint64_t established = 0;

	for (int i = 0; i < 5000; i++) {
		uint8_t a = (uint8_t)(i >> 8), b = (uint8_t)i;

		wire_from(s, a, b, 1234, PACKET_TCP_SYN, 0);
		wire_from(s, a, b, 1234, PACKET_TCP_ACK,
			  h->table->v[h->table->len - 1]->peer.iss + 1);
		established = h->counts[COUNT_OPENED];
		if (i == 2000)
			carrier_close(h, s->now);
	}
	tap_is(h->table->len, TABLE_MAX, "5000 clients: the table is bounded");
	tap_is(s->headend.claims, established, "a route for each that was established");
	tap_is(s->headend.claims - s->headend.unclaims, TABLE_MAX,
	       "the routes of the forgotten are removed");
	tap_ok(h->counts[COUNT_TABLE_FULL] == 0 && established == 5000, "closed ones made room");
	carrier_close(h, s->now);
	tap_is(h->counts[COUNT_CLOSED], 5000, "each is closed");
}

static void check_refused(void)
{
	AUTO_SIM struct sim *s = sim_new("", 1);
	struct carrier *h = &s->headend.carrier;
	uint8_t packet[40] = { 0 };
	struct ctcp_segment seg = { .sport = 1, .dport = 10000, .flags = PACKET_TCP_SYN };

	memcpy(seg.dst, headend_address, 4);
	ctcp_segment_build(&seg, 1, packet, sizeof(packet));
	packet[36] ^= 1;
	carrier_from_wire(h, packet, 40, false, 0);
	tap_ok(h->counts[COUNT_BAD_CHECKSUM] == 1 && !h->table->len, "a wrong checksum");
	carrier_from_wire(h, packet, 40, true, 0);
	tap_is(h->table->len, 1, "unless the device has yet to make it");
	for (size_t len = 0; len < 40; len++)
		carrier_from_wire(h, packet, len, false, 0);
	tap_is(h->counts[COUNT_MALFORMED], 40, "cut short at each length");
	packet[6] = 0x20;
	carrier_from_wire(h, packet, 40, true, 0);
	tap_is(h->counts[COUNT_FRAGMENT], 1, "a fragment");
	packet[6] = 0;
	packet[32] = 0xf0;
	carrier_from_wire(h, packet, 40, true, 0);
	tap_is(h->counts[COUNT_MALFORMED], 41, "options outside the segment");
	stack(&s->headend, 1, 100);
	tap_is(h->counts[COUNT_NOT_ESTABLISHED], 1, "a datagram for nobody");
}

static void check_print(void)
{
	AUTO_SIM struct sim *s = sim_new("", 1);
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	open_tunnel(s);
	carrier_print(&s->client.carrier, f);
	fclose(f);
	tap_ok(strstr(text, "{\"state\":\"established\",\"role\":\"client\",\"established\":1,") ==
			       text &&
		       strstr(text, "\"remote\":\"10.0.3.2\"") && strstr(text, "\"dropped\":{") &&
		       text[len - 1] == '\n',
	       "the status is one line of JSON");
}

int main(void)
{
	check_clean();
	check_one_loss();
	check_retransmit();
	check_timeout();
	check_heavy_loss();
	check_send_buffer();
	check_flood();
	check_many_clients();
	check_refused();
	check_print();
	return tap_done();
}
