// SPDX-License-Identifier: Apache-2.0
/*
 * targets/ctcp: one connection and each rule of it.  Time stands still unless
 * a test moves it; segments are built by hand or handed over by the test.
 */
#include "../../targets/ctcp/peer.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/prng.h"
#include "base/units.h"
#include "decode/packet.h"
#include "tests/tap.h"

#define KEPT 512
#define SYN  PACKET_TCP_SYN
#define ACK  PACKET_TCP_ACK
#define RST  PACKET_TCP_RST
#define FIN  PACKET_TCP_FIN

/* A peer and all that it put out */
struct end {
	struct peer_profile profile;
	struct peer peer;
	struct peer_out out;
	uint64_t counts[COUNT_MAX], now;
	uint32_t isn;
	struct {
		struct ctcp_segment s;
		uint8_t payload[CTCP_MTU];
	} sent[KEPT];
	size_t sent_len;
	struct {
		struct ctcp_datagram d;
		uint8_t first[8];
	} got[KEPT];
	size_t got_len;
};

static void take_segment(void *ctx, const struct ctcp_segment *s)
{
	struct end *e = ctx;

	if (e->sent_len == KEPT)
		abort();
	e->sent[e->sent_len].s = *s;
	if (s->payload_len)
		memcpy(e->sent[e->sent_len].payload, s->payload, s->payload_len);
	e->sent[e->sent_len].s.payload = e->sent[e->sent_len].payload;
	e->sent_len++;
}

static void take_datagram(void *ctx, const struct ctcp_datagram *d)
{
	struct end *e = ctx;

	if (e->got_len == KEPT)
		abort();
	e->got[e->got_len].d = *d;
	memcpy(e->got[e->got_len++].first, d->bytes, 8);
}

static uint32_t take_isn(void *ctx)
{
	struct end *e = ctx;

	return e->isn += 0x1000;
}

static const struct peer_addresses client_at = { { 10, 0, 1, 1 }, { 10, 0, 3, 2 }, 40000, 10000 };
static const struct peer_addresses headend_at = { { 10, 0, 3, 2 }, { 10, 0, 1, 1 }, 10000, 40000 };

static void end_init(struct end *e, bool client)
{
	memset(e, 0, sizeof(*e));
	peer_profile_default(&e->profile);
	peer_init(&e->peer, &e->profile, client, client ? &client_at : &headend_at);
	e->isn = client ? 0xfffff000 - 0x1000 : 0x7ffff000 - 0x1000; /* numbers wrap soon */
	e->out = (struct peer_out){ .ctx = e,
				    .segment = take_segment,
				    .datagram = take_datagram,
				    .random32 = take_isn,
				    .counts = e->counts };
}

static void end_release(struct end **e)
{
	peer_release(&(*e)->peer);
	free(*e);
}
#define AUTO_END __attribute__((cleanup(end_release)))

static struct end *end_new(bool client)
{
	struct end *e = malloc(sizeof(*e));

	if (!e)
		abort();
	end_init(e, client);
	return e;
}

/* The local stack sends; @n tells datagrams apart */
static void stack(struct end *e, uint8_t protocol, uint32_t n, size_t len)
{
	uint8_t bytes[CTCP_INNER_MAX] = { 0 };
	struct ctcp_datagram d = { .protocol = protocol,
				   .bytes = bytes,
				   .len = len,
				   .form = protocol == CTCP_ESP ? ESP_FORM_IP : ESP_FORM_UNKNOWN };

	memcpy(bytes, (uint8_t[]){ 1, 0xf4, 1, 0xf4, (uint8_t)(len >> 8), (uint8_t)len, 0, 0 }, 8);
	if (protocol == CTCP_ESP)
		memcpy(bytes + 4, &n, sizeof(n));
	else if (len >= 12)
		memcpy(bytes + 8, &n, sizeof(n));
	peer_send(&e->peer, &d, e->now, &e->out);
}

static void ike(struct end *e)
{
	stack(e, CTCP_UDP, 0, 36);
}

static void esp(struct end *e, uint32_t n)
{
	stack(e, CTCP_ESP, n, 100);
}

static void wire_payload(struct end *e, uint8_t flags, uint32_t seq, uint32_t ack,
			 const uint8_t *payload, size_t len)
{
	struct packet p = { .version = 4,
			    .tcp = true,
			    .src = e->peer.at.remote,
			    .dst = e->peer.at.local,
			    .sport = e->peer.at.remote_port,
			    .dport = e->peer.at.local_port,
			    .seq = seq,
			    .ack = ack,
			    .flags = flags,
			    .window = 1,
			    .payload = payload,
			    .payload_len = len };

	peer_receive(&e->peer, &p, e->now, &e->out);
}

static void wire(struct end *e, uint8_t flags, uint32_t seq, uint32_t ack)
{
	wire_payload(e, flags, seq, ack, NULL, 0);
}

/* ESP of @len bytes all told arrives */
static void wire_esp(struct end *e, uint32_t seq, size_t len)
{
	uint8_t payload[CTCP_MTU] = { 0xc1 };

	ctcp_trailer_encode(&(struct ctcp_trailer){ .protocol = CTCP_ESP }, payload + len - 16);
	wire_payload(e, ACK, seq, e->peer.next, payload, len);
}

static const struct ctcp_segment *last(const struct end *e)
{
	return &e->sent[e->sent_len - 1].s;
}

static void establish(struct end *e)
{
	if (e->peer.client) {
		ike(e);
		wire(e, SYN | ACK, 999, e->peer.iss + 1);
	} else {
		wire(e, SYN, 999, 0);
		wire(e, ACK, 1000, e->peer.iss + 1);
	}
	if (e->peer.state != PEER_ESTABLISHED)
		abort();
}

static void check_client_handshake(void)
{
	AUTO_END struct end *e = end_new(true);
	const struct ctcp_segment *s;

	esp(e, 1);
	tap_ok(e->sent_len == 0 && e->counts[COUNT_ESP_BEFORE_IKE] == 1, "ESP opens nothing");
	ike(e);
	s = last(e);
	tap_ok(e->sent_len == 1 && s->flags == SYN && s->window == 65535 && !s->mss && !s->ack,
	       "IKE opens: a SYN without options, window 65535");
	tap_is(s->seq, 0xfffff000, "with the ISN drawn");
	ike(e);
	esp(e, 1);
	tap_ok(e->sent_len == 1 && e->peer.queue_len == 2 && e->counts[COUNT_ESP_BEFORE_IKE] == 2,
	       "before the answer IKE waits and ESP is dropped");
	wire(e, SYN | ACK, 999, e->peer.iss);
	wire(e, SYN, 999, 0);
	wire(e, ACK, 999, e->peer.iss + 1);
	tap_ok(e->peer.state == PEER_SYN_SENT && e->counts[COUNT_BAD_ACK] == 3 && e->sent_len == 1,
	       "a wrong answer is ignored");
	wire(e, SYN | ACK, 999, e->peer.iss + 1);
	tap_ok(e->peer.state == PEER_ESTABLISHED && e->sent_len == 4, "the right one establishes");
	s = &e->sent[1].s;
	tap_ok(s->flags == ACK && s->seq == 0xfffff001 && s->ack == 1000 && !s->payload_len,
	       "a pure ACK first");
	s = &e->sent[2].s;
	tap_ok(s->flags == ACK && s->seq == 0xfffff001 && s->ack == 1000 && s->payload_len == 52 &&
		       s->window == 65535,
	       "then the queue: flags ACK only");
	tap_is(e->sent[3].s.seq, 0xfffff001 + 52, "the trailer counts in the sequence");
	tap_is(e->counts[COUNT_OPENED], 1, "counted");
	wire(e, SYN | ACK, 999, e->peer.iss + 1);
	tap_is(e->sent_len, 4, "a SYN|ACK again gets no answer");
}

static void check_client_timeout(void)
{
	AUTO_END struct end *e = end_new(true);

	e->now = 5 * NS_PER_S;
	for (int i = 0; i < PEER_QUEUE + 3; i++)
		ike(e);
	tap_ok(e->peer.queue_len == PEER_QUEUE && e->counts[COUNT_QUEUE_FULL] == 3,
	       "the queue is bounded");
	tap_is(peer_deadline(&e->peer), 8 * NS_PER_S, "the handshake has 3 s");
	e->now = 8 * NS_PER_S - 1;
	peer_expire(&e->peer, e->now, &e->out);
	tap_is(e->peer.state, PEER_SYN_SENT, "not less");
	e->now++;
	peer_expire(&e->peer, e->now, &e->out);
	tap_ok(e->peer.state == PEER_CLOSED && e->sent_len == 1 && !e->peer.queue_len &&
		       e->counts[COUNT_HANDSHAKE_TIMEOUT] == 1,
	       "then it is closed, silently, and the SYN is not sent again");
	tap_ok(peer_deadline(&e->peer) == UINT64_MAX, "nothing is due any more");
	wire(e, SYN | ACK, 999, e->peer.iss + 1);
	tap_ok(last(e)->flags == (RST | ACK) && last(e)->seq == e->peer.iss + 1 &&
		       last(e)->ack == 1000,
	       "an answer that comes too late gets RST|ACK");
	ike(e);
	tap_ok(last(e)->flags == SYN && last(e)->seq == 0 && last(e)->sport == 40000,
	       "the next IKE message opens anew: a new ISN, the same port");
}

static void check_headend_handshake(void)
{
	AUTO_END struct end *e = end_new(false);
	uint8_t payload[52] = { 1, 0xf4, 1, 0xf4, 0, 36 };

	ctcp_trailer_encode(&(struct ctcp_trailer){ 7, 0x4000, CTCP_UDP }, payload + 36);
	ike(e);
	tap_ok(!e->sent_len && e->counts[COUNT_NOT_ESTABLISHED] == 1, "a head-end never opens");
	wire(e, ACK, 5, 6);
	tap_ok(last(e)->flags == (RST | ACK) && last(e)->seq == 6 && last(e)->ack == 5,
	       "a non-SYN on no connection gets RST|ACK");
	wire(e, RST, 5, 6);
	tap_is(e->sent_len, 1, "a RST does not");
	wire(e, SYN, 0xffffffff, 0);
	tap_ok(last(e)->flags == (SYN | ACK) && last(e)->ack == 0 && !last(e)->mss &&
		       last(e)->seq == 0x7ffff000,
	       "a SYN gets SYN|ACK, over the end of the numbers");
	wire(e, SYN, 0xffffffff, 0);
	tap_ok(e->sent_len == 3 && last(e)->flags == (SYN | ACK) && last(e)->seq == 0x7ffff000,
	       "the same SYN again the same SYN|ACK");
	wire(e, ACK, 0, e->peer.iss + 2);
	wire(e, ACK, 0, e->peer.iss);
	wire(e, SYN | ACK, 0, e->peer.iss + 1);
	tap_ok(e->peer.state == PEER_SYN_RECEIVED && e->counts[COUNT_BAD_ACK] == 3,
	       "a wrong ack does not establish");
	ike(e);
	tap_is(e->counts[COUNT_NOT_ESTABLISHED], 2, "nothing is sent before that");
	wire_payload(e, ACK | PACKET_TCP_PSH, 0, e->peer.iss + 1, payload, sizeof(payload));
	tap_ok(e->peer.state == PEER_ESTABLISHED && e->got_len == 1 &&
		       e->got[0].d.protocol == CTCP_UDP && e->got[0].d.len == 36 &&
		       e->got[0].d.id == 7,
	       "data with the right ack establishes and is delivered");
	tap_ok(memcmp(e->got[0].d.src, client_at.local, 4) == 0 &&
		       memcmp(e->got[0].d.dst, client_at.remote, 4) == 0,
	       "from the client to us");
	tap_is(e->sent_len, 3, "and is not acknowledged by itself");
	ike(e);
	tap_ok(last(e)->ack == 52 && last(e)->payload_len == 52, "but with our next data");
	wire(e, SYN, 0xffffffff, 0);
	tap_ok(e->sent_len == 4 && e->peer.state == PEER_ESTABLISHED,
	       "a stray SYN copy is ignored");
	wire(e, SYN, 77, 0);
	tap_ok(last(e)->flags == (SYN | ACK) && last(e)->ack == 78 &&
		       e->peer.state == PEER_SYN_RECEIVED && e->counts[COUNT_CLOSED] == 1,
	       "a new SYN begins anew");
	e->now = 3 * NS_PER_S;
	peer_expire(&e->peer, e->now, &e->out);
	tap_is(e->peer.state, PEER_CLOSED, "and has 3 s");
}

/* Each row: segments of 100 that arrive, as multiples of 100 from the start; what we then ack */
static void check_ack_rules(void)
{
	static const struct {
		enum ack_rule rule;
		const char *arrive;
		int want;
	} rows[] = {
		{ ACK_MAX, "0", 1 },
		{ ACK_MAX, "012", 3 },
		{ ACK_MAX, "0135", 6 },
		{ ACK_MAX, "0150", 6 },
		{ ACK_LAST, "0135", 6 },
		{ ACK_LAST, "0150", 1 },
		{ ACK_INORDER, "012", 3 },
		{ ACK_INORDER, "02", 1 },
		{ ACK_INORDER, "0231", 4 },
		{ ACK_INORDER, "024613", 5 },
		{ ACK_INORDER, "0246135", 7 },
		{ ACK_INORDER, "00", 1 },
		{ ACK_INORDER, "98765432", 0 },
		{ ACK_INORDER, "987654321", 0 },
		{ ACK_INORDER, "9876543210", 10 },
		{ ACK_INORDER, "3513", 0 },
	};
	static const uint32_t starts[] = { 1000, 0xffffffff - 150, 0x7fffffff - 150 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(starts); k++) {
			struct receiver r;

			receiver_init(&r, rows[i].rule, starts[k]);
			for (const char *c = rows[i].arrive; *c; c++)
				receiver_note(&r, starts[k] + (uint32_t)(*c - '0') * 100, 100);
			tap_is((r.next - starts[k]) / 100, rows[i].want, "rule %d, '%s' from %x",
			       rows[i].rule, rows[i].arrive, starts[k]);
		}
	}
}

static void check_receiver_bounds(void)
{
	struct receiver r;
	unsigned int held = 0;

	receiver_init(&r, ACK_INORDER, 0);
	tap_is(receiver_note(&r, 65500, 36), COUNT_OUT_OF_WINDOW, "beyond the window");
	tap_is(receiver_note(&r, 65500, 35), COUNT_NONE, "its last byte");
	tap_is(receiver_note(&r, 65500, 35), COUNT_DUPLICATE, "again");
	for (uint32_t i = 0; i < 100; i++)
		held += receiver_note(&r, 100 + i * 200, 100) == COUNT_NONE;
	tap_is(held, RECEIVER_HELD - 1, "so many pieces behind holes and not more");
	tap_is(receiver_note(&r, 0, 100), COUNT_NONE, "the first hole is filled");
	tap_is(r.next, 200, "and what stood behind it counts");
	tap_is(receiver_note(&r, 0xffffff00, 100), COUNT_DUPLICATE, "what is old stays old");
}

/* The document's fault: nothing makes it send again */
static void check_never_retransmits(void)
{
	AUTO_END struct end *e = end_new(true);
	uint32_t una;
	size_t sent;

	establish(e);
	una = e->peer.next;
	for (uint32_t i = 0; i < 10; i++)
		esp(e, i);
	sent = e->sent_len;
	for (int i = 0; i < 100; i++)
		wire(e, ACK, 1000, una);
	for (int i = 0; i < 7200; i++) {
		e->now += NS_PER_S;
		peer_expire(&e->peer, e->now, &e->out);
	}
	tap_is(e->sent_len, sent, "100 duplicate ACKs and two hours: nothing is sent again");
	tap_is(e->counts[COUNT_KEEPALIVES_IN], 100, "they pass for keepalives");
	tap_ok(peer_deadline(&e->peer) == UINT64_MAX, "and no timer runs");
	wire_esp(e, 5000, 100);
	esp(e, 11);
	tap_ok(e->got_len == 1 && last(e)->ack == 5100, "data far past a hole is taken and acked");
}

static void check_close(void)
{
	AUTO_END struct end *e = end_new(true);
	size_t sent;

	establish(e);
	sent = e->sent_len;
	wire(e, RST, 0xdeadbeef, 0);
	tap_ok(e->peer.state == PEER_CLOSED && e->sent_len == sent && e->counts[COUNT_RESET] == 1,
	       "a RST with any sequence number closes");
	esp(e, 1);
	tap_is(e->sent_len, sent, "ESP does not open again");
	establish(e);
	wire(e, FIN | ACK, 1000, e->peer.next);
	tap_ok(e->peer.state == PEER_CLOSED && last(e)->flags == (RST | ACK), "FIN gets RST");
	establish(e);
	peer_close(&e->peer, e->now, &e->out);
	tap_ok(last(e)->flags == RST && last(e)->seq == 0 && last(e)->ack == 0 &&
		       e->peer.state == PEER_CLOSED,
	       "closing is one RST with seq 0 and ack 0");
	sent = e->sent_len;
	peer_close(&e->peer, e->now, &e->out);
	tap_is(e->sent_len, sent, "once");
}

/* RFC 5961 section 3.2, RFC 9293 section 3.8.6: what retransmit=on is beside retransmitting */
static void check_honest_sender(void)
{
	AUTO_END struct end *e = end_new(true);
	uint32_t expected;
	size_t sent;

	e->profile.retransmit = e->profile.pure_acks = true;
	e->profile.ack = ACK_INORDER;
	establish(e);
	expected = e->peer.in.next;
	sent = e->sent_len;
	wire(e, RST, expected + 70000, 0);
	tap_ok(e->peer.state == PEER_ESTABLISHED && e->sent_len == sent,
	       "a RST behind the window is ignored");
	wire(e, RST, expected + 100, 0);
	tap_ok(e->peer.state == PEER_ESTABLISHED && e->sent_len == sent + 1 &&
		       last(e)->flags == ACK && last(e)->ack == expected,
	       "one in the window is answered with what is expected");
	e->profile.fault = PEER_BELIEVES_RESETS;
	wire(e, RST, expected + 100, 0);
	tap_is(e->peer.state, PEER_CLOSED, "or believed, with this fault");
	e->profile.fault = PEER_HONEST;
	establish(e);
	peer_close(&e->peer, e->now, &e->out);
	tap_ok(last(e)->flags == RST && last(e)->seq == e->peer.next,
	       "closing is a RST that such a peer believes");
	establish(e);
	e->peer.out.window = 300;
	sent = e->sent_len;
	for (int i = 0; i < 20; i++)
		esp(e, (uint8_t)i);
	tap_ok(e->peer.next - e->peer.out.una <= 300 && e->sent_len > sent,
	       "no more is sent than the window has room for");
	wire(e, RST, e->peer.in.next, 0);
	tap_is(e->peer.state, PEER_CLOSED, "the RST that is expected closes");
}

static void check_ike_timeout(void)
{
	AUTO_END struct end *e = end_new(false);

	e->profile.keepalive_ns = 25 * NS_PER_S;
	establish(e);
	tap_is(peer_deadline(&e->peer), 25 * NS_PER_S, "keepalive after 25 s");
	e->now = 25 * NS_PER_S;
	peer_expire(&e->peer, e->now, &e->out);
	tap_ok(last(e)->flags == ACK && !last(e)->payload_len, "a pure ACK");
	tap_is(peer_deadline(&e->peer), 50 * NS_PER_S, "and the next");
	e->now = 60 * NS_PER_S;
	peer_expire(&e->peer, e->now, &e->out);
	tap_ok(last(e)->flags == RST && e->peer.state == PEER_CLOSED &&
		       e->counts[COUNT_IKE_TIMEOUT] == 1,
	       "no ESP within 60 s: RST");
	e->profile.keepalive_ns = 0;
	establish(e);
	wire_esp(e, 1000, 100);
	tap_ok(peer_deadline(&e->peer) == UINT64_MAX, "with ESP received there is no such limit");
}

static void check_drops(void)
{
	AUTO_END struct end *e = end_new(false);
	uint8_t payload[100] = { 0xc1 };

	establish(e);
	wire_payload(e, ACK, 1000, e->peer.next, payload, 100);
	ctcp_trailer_encode(&(struct ctcp_trailer){ .protocol = 0x33 }, payload + 84);
	wire_payload(e, ACK, 1100, e->peer.next, payload, 100);
	wire_payload(e, ACK, 1200, e->peer.next, payload, 15);
	tap_ok(!e->got_len && e->counts[COUNT_NO_COOKIE] == 1 &&
		       e->counts[COUNT_BAD_PROTOCOL] == 1 && e->counts[COUNT_TRUNCATED] == 1,
	       "what is no cTCP is dropped and counted");
	esp(e, 1);
	tap_is(last(e)->ack, 1215, "but its bytes have been received");
}

static void check_esp_forms(void)
{
	AUTO_END struct end *e = end_new(false);
	struct ctcp_datagram d = { .protocol = CTCP_ESP,
				   .bytes = (const uint8_t *)"spi.seq.",
				   .len = 8,
				   .form = ESP_FORM_UDP,
				   .sport = 4500,
				   .dport = 4501 };

	establish(e);
	wire_esp(e, 1000, 100);
	tap_ok(e->got_len == 2 && e->got[0].d.form == ESP_FORM_IP &&
		       e->got[1].d.form == ESP_FORM_UDP && e->got[1].d.dport == 4500,
	       "before the local stack has sent ESP it is given both forms");
	peer_send(&e->peer, &d, e->now, &e->out);
	wire_esp(e, 1100, 100);
	tap_ok(e->got_len == 3 && e->got[2].d.form == ESP_FORM_UDP && e->got[2].d.sport == 4501 &&
		       e->got[2].d.dport == 4500,
	       "then its own, its ports turned round");
	esp(e, 1);
	wire_esp(e, 1200, 100);
	tap_ok(e->got_len == 4 && e->got[3].d.form == ESP_FORM_IP, "and it may change");
	wire(e, RST, 0, 0);
	e->profile.inner = ESP_FORM_UDP;
	establish(e);
	wire_esp(e, 1000, 100);
	tap_ok(e->got_len == 5 && e->got[4].d.form == ESP_FORM_UDP, "inner=udp says it beforehand");
}

static void check_switches(void)
{
	AUTO_END struct end *e = end_new(true);

	e->profile.psh = true;
	e->profile.syn_mss = 1460;
	e->profile.window = 4096;
	establish(e);
	tap_ok(e->sent[0].s.mss == 1460 && e->sent[0].s.window == 4096, "syn-options, window");
	tap_ok(e->sent[1].s.flags == ACK && e->sent[2].s.flags == (ACK | PACKET_TCP_PSH) &&
		       !e->sent[2].s.mss,
	       "psh on data only");
	e->profile.pure_acks = true;
	wire_esp(e, 1000, 100);
	tap_ok(last(e)->flags == ACK && last(e)->ack == 1100 && !last(e)->payload_len,
	       "pure-acks at once");
}

int main(void)
{
	check_client_handshake();
	check_client_timeout();
	check_headend_handshake();
	check_ack_rules();
	check_receiver_bounds();
	check_never_retransmits();
	check_close();
	check_honest_sender();
	check_ike_timeout();
	check_drops();
	check_esp_forms();
	check_switches();
	return tap_done();
}
