// SPDX-License-Identifier: Apache-2.0
/*
 * targets/mutants: the honest tunnel, end against end in memory.  Each fault is proved by
 * the case that catches it (mutants.sh); here is what an honest one does.
 */
#include "../../targets/mutants/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/prng.h"
#include "base/units.h"
#include "decode/wireguard.h"
#include "tests/tap.h"

#define KEPT 256

struct datagram {
	uint8_t bytes[MESSAGE_MAX];
	size_t len;
};

/* An end, and all that it sent and gave to the inside */
struct end {
	struct tunnel tunnel;
	struct world world;
	struct datagram sent[KEPT];
	size_t sent_len, inside, follows;
	uint8_t last_inside[64];
	bool up;
};

static struct prng prng;
static uint64_t now;

static void take_datagram(void *ctx, bool to_sender, const uint8_t *bytes, size_t len)
{
	struct end *e = ctx;

	(void)to_sender;
	if (e->sent_len == KEPT)
		abort();
	memcpy(e->sent[e->sent_len].bytes, bytes, len);
	e->sent[e->sent_len++].len = len;
}

static void take_inside(void *ctx, const uint8_t *packet, size_t len)
{
	struct end *e = ctx;

	memcpy(e->last_inside, packet, len < sizeof(e->last_inside) ? len : sizeof(e->last_inside));
	e->inside++;
}

static void follow(void *ctx)
{
	((struct end *)ctx)->follows++;
}

static void take_state(void *ctx, bool up)
{
	((struct end *)ctx)->up = up;
}

static void random_bytes(void *ctx, uint8_t *bytes, size_t len)
{
	(void)ctx;
	prng_bytes(&prng, bytes, len);
}

static void begin(struct end *e, bool client, enum fault fault)
{
	static const struct psk psk = { "0123456789abcdef", 16 };

	memset(e, 0, sizeof(*e));
	e->world =
		(struct world){ e, take_datagram, follow, take_inside, take_state, random_bytes };
	tunnel_init(&e->tunnel, client, &psk, fault, 5 * NS_PER_S, 120 * NS_PER_S, &e->world);
}

static const struct datagram *last(const struct end *e)
{
	return &e->sent[e->sent_len - 1];
}

static void give(struct end *e, const struct datagram *d)
{
	tunnel_from_wire(&e->tunnel, d->bytes, d->len, now);
}

/* An IPv4 packet of 28 bytes with a number in it */
static void put_inside(struct end *e, uint8_t number)
{
	uint8_t packet[28] = { 0x45, 0, 0, sizeof(packet) };

	packet[27] = number;
	tunnel_from_inside(&e->tunnel, packet, sizeof(packet), now);
}

/* Both up, over a path that loses nothing */
static void bring_up(struct end *client, struct end *headend)
{
	now = 1000 * NS_PER_S;
	begin(client, true, FAULT_NONE);
	begin(headend, false, FAULT_NONE);
	tunnel_up(&client->tunnel, now);
	give(headend, last(client));
	give(client, last(headend));
	give(headend, last(client)); /* the check by which the head-end knows */
	give(client, last(headend));
}

/* Let time pass up to the next deadline.  Return: how long that was */
static uint64_t wait_next(struct end *e)
{
	uint64_t before = now;

	now = tunnel_deadline(&e->tunnel);
	tunnel_expire(&e->tunnel, now);
	return now - before;
}

static struct end client, headend;

static void test_handshake(void)
{
	struct wireguard_message m;
	struct datagram response;

	bring_up(&client, &headend);
	tap_ok(client.up && headend.up, "request, response and a check: both are up");
	tap_ok(wireguard_parse(client.sent[0].bytes, client.sent[0].len, &m) &&
		       m.type == WIREGUARD_INITIATION,
	       "who reads WireGuard takes the request for an initiation");
	tap_ok(wireguard_parse(headend.sent[0].bytes, headend.sent[0].len, &m) &&
		       m.type == WIREGUARD_RESPONSE,
	       "and the response for a response");
	put_inside(&client, 7);
	tap_ok(wireguard_parse(last(&client)->bytes, last(&client)->len, &m) &&
		       m.type == WIREGUARD_DATA && m.counter == 1,
	       "and data for data, with its counter");
	give(&headend, last(&client));
	tap_ok(headend.inside == 1 && headend.last_inside[27] == 7, "which carries a packet");

	response = headend.sent[0];
	give(&headend, &client.sent[0]);
	tap_ok(last(&headend)->len == response.len &&
		       !memcmp(last(&headend)->bytes, response.bytes, response.len) &&
		       headend.tunnel.made == 1,
	       "the same request gets the same response, and no second session");
	client.sent[0].bytes[40] ^= 1;
	give(&headend, &client.sent[0]);
	tap_is(headend.tunnel.made, 1, "a request that was changed gets nothing");
}

static void test_backoff(void)
{
	static const unsigned seconds[] = { 1, 2, 4, 8, 8 };

	now = NS_PER_S;
	begin(&client, true, FAULT_NONE);
	tunnel_up(&client.tunnel, now);
	for (size_t i = 0; i < 5; i++)
		tap_is(wait_next(&client) / NS_PER_S, seconds[i], "after %u s it asks again",
		       seconds[i]);
	tap_ok(client.sent_len == 6 && !memcmp(client.sent[0].bytes, client.sent[5].bytes, 148),
	       "bit by bit the same");
}

static void test_window(void)
{
	size_t first;

	bring_up(&client, &headend);
	first = client.sent_len;
	for (int i = 0; i < 66; i++)
		put_inside(&client, (uint8_t)i);
	give(&headend, &client.sent[first + 65]);
	tap_is(headend.inside, 1, "one that was sent 65 later comes first");
	give(&headend, &client.sent[first + 2]);
	tap_is(headend.inside, 2, "63 behind: taken");
	give(&headend, &client.sent[first + 1]);
	tap_is(headend.inside, 2, "64 behind: too old to tell");
	give(&headend, &client.sent[first + 2]);
	give(&headend, &client.sent[first + 65]);
	tap_is(headend.inside, 2, "neither comes twice");
	client.sent[first + 30].bytes[20] ^= 4;
	give(&headend, &client.sent[first + 30]);
	tap_is(headend.inside, 2, "what was changed does not come at all");
	client.sent[first + 30].bytes[20] ^= 4;
	give(&headend, &client.sent[first + 30]);
	tap_is(headend.inside, 3, "and does not stand in the way of the right one");
}

static void test_dead_peer(void)
{
	size_t sent;

	bring_up(&client, &headend);
	sent = client.sent_len;
	tap_is(wait_next(&client) / NS_PER_S, 5, "silence of 5 s: a check");
	tap_is(client.sent_len, sent + 1, "one");
	give(&headend, last(&client));
	give(&client, last(&headend));
	for (int i = 0; i < 3; i++)
		wait_next(&client);
	tap_ok(client.up, "an answer starts it anew: three checks later it is up");
	wait_next(&client);
	tap_ok(!client.up && last(&client)->bytes[0] == 1,
	       "then it is down, and asks for a session");
	sent = client.sent_len;
	put_inside(&client, 1);
	tap_is(client.sent_len, sent, "meanwhile nothing leaves");
	give(&headend, last(&client));
	give(&client, last(&headend));
	put_inside(&client, 9);
	give(&headend, last(&client));
	tap_ok(client.up && headend.last_inside[27] == 9, "the response brings it up again");
}

/* A new head-end knows nothing of the session */
static void test_restart(void)
{
	bring_up(&client, &headend);
	begin(&headend, false, FAULT_NONE);
	put_inside(&client, 1);
	give(&headend, last(&client));
	tap_is(headend.inside, 0, "a head-end that has restarted takes nothing");
	for (int i = 0; i < 4; i++)
		wait_next(&client);
	give(&headend, last(&client));
	give(&client, last(&headend));
	put_inside(&client, 2);
	give(&headend, last(&client));
	tap_ok(client.up && headend.last_inside[27] == 2, "until the client has found out");
}

static void test_rekey(void)
{
	struct datagram request, late;
	size_t sent;

	bring_up(&client, &headend);
	while (client.tunnel.made == 1 && !client.tunnel.asking) {
		wait_next(&client);
		if (!client.tunnel.asking) {
			give(&headend, last(&client));
			give(&client, last(&headend));
		}
	}
	tap_is((now - 1000 * NS_PER_S) / NS_PER_S, 120, "after 120 s it asks for a new session");
	request = *last(&client);
	put_inside(&client, 3);
	give(&headend, last(&client));
	tap_is(headend.last_inside[27], 3, "meanwhile the old one carries all");
	put_inside(&client, 4);
	late = *last(&client);
	give(&headend, &request);
	put_inside(&headend, 5);
	give(&client, last(&headend));
	tap_is(client.last_inside[27], 5,
	       "the head-end keeps to it until the client uses the new one");
	give(&client, &headend.sent[headend.sent_len - 2]);
	give(&headend, last(&client));
	give(&headend, &late);
	tap_is(headend.last_inside[27], 4, "and takes what was late on it");
	now += 180 * NS_PER_S;
	sent = client.sent_len;
	put_inside(&client, 6);
	tap_is(client.sent_len, sent, "a session of 180 s carries nothing");
}

static void test_down(void)
{
	bring_up(&client, &headend);
	tunnel_down(&client.tunnel, now);
	give(&headend, last(&client));
	tap_ok(!client.up && !headend.up, "who goes says so, and the other forgets it");
}

static void test_options(void)
{
	struct err err = { 0 };
	enum fault fault = FAULT_NONE;

	tap_ok(!fault_parse("fault=second-sa", &fault, &err) && fault == FAULT_SECOND_SA,
	       "a fault has a name");
	tap_ok(!fault_parse("", &fault, &err) && fault == FAULT_NONE, "nothing is no fault");
	tap_ok(fault_parse("fault=nonsense", &fault, &err) && err.kind == ERR_USAGE,
	       "an unknown one is refused");
}

int main(void)
{
	prng_init(&prng, 1, "test");
	test_handshake();
	test_backoff();
	test_window();
	test_dead_peer();
	test_restart();
	test_rekey();
	test_down();
	test_options();
	return tap_done();
}
