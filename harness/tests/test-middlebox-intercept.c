// SPDX-License-Identifier: Apache-2.0
/*
 * TCP intercept: SYN cookies above the embryonic limit, the handshake with the server
 * afterwards, and a connection through both whose numbers are right on either side.
 */
#include "tests/middlebox-sim.h"

static int v; /* IP version of all segments */

#define UPV(...)   UP(s, .version = v, __VA_ARGS__)
#define DOWNV(...) DOWN(s, .version = v, __VA_ARGS__)

static const uint8_t mss_1400[] = { 2, 4, 0x05, 0x78 };

/* As many embryonic connections as the limit allows */
static struct sim *at_limit(const char *device, unsigned int limit)
{
	struct sim *s = sim_new(device);

	for (unsigned int i = 0; i < limit; i++)
		UPV(.seq = 1000, .flags = SYN, .client_port = (uint16_t)(1 + i));
	return s;
}

/* The client's SYN; returns the cookie */
static uint32_t ask(struct sim *s)
{
	UPV(.seq = 1000, .flags = SYN, .options = mss_1400, .options_len = 4);
	return s->out[0].p.seq;
}

static void check_cookie(void)
{
	struct sim *s = at_limit("asa,embryonic-limit=3", 2);
	const struct packet *p = &s->out[0].p;
	uint32_t cookie, again;

	UPV(.seq = 1000, .flags = SYN, .client_port = 3);
	tap_ok(sim_passed(s, DIR_UP), "IPv%d: up to the limit SYNs pass", v);
	cookie = ask(s);
	tap_ok(sim_passed(s, DIR_DOWN) && p->flags == (SYN | ACK) && p->ack == 1001,
	       "above it the device answers itself");
	tap_is(p->window, 0, "with a window of 0");
	tap_ok(p->options_len == 4 && p->options[0] == 2 && p->options[2] == 0x05 &&
		       p->options[3] == 0x64,
	       "and the next smaller MSS, 1380, as its only option");
	tap_is(engine_usage(s->engine).flows, 3, "it remembers nothing");
	tap_is(sim_counter(s, COUNTER_SYN_COOKIE_SENT), 1, "syn-cookie-sent");
	again = ask(s);
	tap_ok(again == cookie, "the same SYN, the same cookie");
	UPV(.seq = 1001, .flags = SYN, .options = mss_1400, .options_len = 4);
	tap_ok(p->seq != cookie, "another ISN, another cookie");
	DROPPED(s, DIR_UP, COUNTER_TCP_NOT_SYN, "a cookie that was guessed", .version = v,
		.seq = 1001, .ack = cookie + 2, .flags = ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_NOT_SYN, "the cookie of another SYN", .version = v,
		.seq = 1002, .ack = cookie + 1, .flags = ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_NOT_SYN, "the cookie of another address", .version = v,
		.seq = 1001, .ack = cookie + 1, .flags = ACK, .client_host = 99);
	sim_wait(s, 128 * NS_PER_S);
	DROPPED(s, DIR_UP, COUNTER_TCP_NOT_SYN, "the cookie, 128 s later", .version = v,
		.seq = 1001, .ack = cookie + 1, .flags = ACK);
	UPV(.seq = 1000, .flags = SYN);
	tap_ok(sim_passed(s, DIR_UP), "the others are gone: SYNs pass again");
	sim_free(s);
}

static void check_connection(const char *device)
{
	struct sim *s = at_limit(device, 1);
	uint32_t cookie = ask(s), client;

	UPV(.seq = 1001, .ack = cookie + 1, .flags = ACK, .window = 30000);
	tap_ok(sim_passed(s, DIR_UP) && s->out[0].p.flags == SYN && s->out[0].p.window == 30000,
	       "%s, IPv%d: the right cookie: a SYN to the server", device, v);
	tap_ok(s->out[0].p.options_len == 4 && s->out[0].p.options[2] == 0x05 &&
		       s->out[0].p.options[3] == 0x64,
	       "with the client's MSS, as far as the cookie could hold it");
	client = s->out[0].p.seq + 1;
	UPV(.seq = 1001, .ack = cookie + 1, .flags = ACK, .len = 10);
	tap_is(s->count, 0, "data that does not wait for the window goes nowhere");
	sim_wait(s, NS_PER_S);
	tap_ok(s->count == 1 && s->out[0].p.flags == SYN && s->out[0].p.seq == client - 1,
	       "a second later the SYN again");
	DROPPED(s, DIR_DOWN, COUNTER_TCP_3WHS_FAILED, "a SYN-ACK of something else", .version = v,
		.seq = 70000, .ack = client + 1, .flags = SYN | ACK);
	DOWNV(.seq = 70000, .ack = client, .flags = SYN | ACK, .window = 20000);
	tap_ok(s->count == 2 && s->out[0].dir == DIR_UP && s->out[0].p.flags == ACK &&
		       s->out[0].p.seq == client && s->out[0].p.ack == 70001,
	       "the SYN-ACK: the server has its ACK");
	tap_ok(s->out[1].dir == DIR_DOWN && s->out[1].p.flags == ACK &&
		       s->out[1].p.seq == cookie + 1 && s->out[1].p.ack == 1001 &&
		       s->out[1].p.window == 20000,
	       "and the client has a window");
	UPV(.seq = 1001, .ack = cookie + 1, .flags = ACK, .len = 10);
	tap_ok(sim_passed(s, DIR_UP) && s->out[0].p.seq == client && s->out[0].p.ack == 70001,
	       "data of the client in the server's numbers");
	DOWNV(.seq = 70001, .ack = client + 10, .flags = ACK, .len = 500);
	tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.seq == cookie + 1 && s->out[0].p.ack == 1011,
	       "data of the server in the client's");
	DOWNV(.seq = 70000, .ack = client, .flags = SYN | ACK);
	tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.seq == cookie,
	       "the SYN-ACK again, as the server did not get the ACK");
	tap_is(sim_counter(s, COUNTER_TCP_INVALID_ACK) + sim_counter(s, COUNTER_TCP_SEQ_PAST_WIN),
	       0, "nothing was invalid");
	sim_free(s);
}

static void check_refusals(void)
{
	struct sim *s = at_limit("asa,embryonic-limit=1", 1);
	uint32_t cookie = ask(s), client;

	UPV(.seq = 1001, .ack = cookie + 1, .flags = ACK);
	client = s->out[0].p.seq + 1;
	DOWNV(.ack = client, .flags = RST | ACK);
	tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.flags == RST && s->out[0].p.seq == cookie + 1,
	       "the server refuses: the client, who is connected, has a RST that it believes");
	tap_is(engine_usage(s->engine).flows, 1, "the flow is gone");

	cookie = ask(s);
	UPV(.seq = 1001, .ack = cookie + 1, .flags = ACK);
	client = s->out[0].p.seq + 1;
	UPV(.seq = 1001, .flags = RST);
	tap_ok(sim_passed(s, DIR_UP) && s->out[0].p.flags == RST && s->out[0].p.seq == client,
	       "the client gives up: the server hears of it");
	tap_is(engine_usage(s->engine).flows, 1, "the flow is gone");
	sim_free(s);

	s = at_limit("asa,embryonic-limit=1,timeout-reset=all,embryonic-timeout=5s", 1);
	cookie = ask(s);
	UPV(.seq = 1001, .ack = cookie + 1, .flags = ACK);
	for (unsigned int i = 0; i < 4; i++)
		sim_wait(s, NS_PER_S);
	tap_is(sim_counter(s, COUNTER_SYN_SENT), 5, "a server that is silent is asked for 5 s");
	sim_wait(s, NS_PER_S);
	tap_is(engine_usage(s->engine).flows, 0, "then it is over");
	tap_is(sim_counter(s, COUNTER_RESET_SENT), 4, "timeout-reset=all: for both flows");
	sim_free(s);
}

/* Off by default */
static void check_off(void)
{
	struct sim *s = at_limit("asa", 500);

	tap_is(engine_usage(s->engine).flows, 500, "embryonic-limit=0: no limit");
	tap_is(sim_counter(s, COUNTER_SYN_COOKIE_SENT), 0, "and no cookie");
	sim_free(s);
}

int main(void)
{
	for (v = 4; v <= 6; v += 2) {
		check_cookie();
		check_connection("asa,embryonic-limit=1");
		check_connection("asa-proxy,isn-randomise=off,embryonic-limit=1");
		check_refusals();
		check_off();
	}
	tap_is(sim_wrong, 0, "every packet that left had right checksums");
	for (size_t i = 0; i < COUNTER_TUN_WRITE_ERROR; i++)
		if (sim_intercept_counts(i))
			sim_counted(i);
	return tap_done();
}
