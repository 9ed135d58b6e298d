// SPDX-License-Identifier: Apache-2.0
/*
 * What a packet costs in the engine, with 1, 100 and 10,000 established flows that take
 * turns, so that each packet meets another flow than the one before.  Beside it what
 * reading a packet and checking its TCP checksum cost, over the same packets: the least
 * that anything can do that looks at all of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "decode/packet.h"
#include "middlebox/engine.h"
#include "spec/name.h"

#define HEADERS	   40
#define PACKET_MAX (HEADERS + 1400)
#define PACKETS	   400000
#define FLOWS_MAX  10000
#define ROUNDS	   5
#define START	   1000 /* sequence number of all SYNs */

struct bench {
	struct engine *engine;
	uint64_t now, left, bytes;
	uint32_t next[FLOWS_MAX]; /* of the client's data */
	uint8_t packet[PACKET_MAX];
};

static void be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void be32(uint8_t *p, uint32_t v)
{
	be16(p, v >> 16);
	be16(p + 2, v & 0xffff);
}

static void leaves(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	struct bench *b = ctx;

	(void)dir, (void)ip;
	b->left++;
	b->bytes += len;
}

/* A segment of a flow; the checksum is made right, since a device may look at it */
static size_t segment(uint8_t *p, unsigned int flow, enum direction dir, uint8_t flags,
		      uint32_t seq, uint32_t ack, size_t payload)
{
	struct packet parsed;
	size_t client = dir == DIR_UP ? 12 : 16, len = HEADERS + payload;

	memset(p, 0, HEADERS);
	p[0] = 0x45;
	be16(p + 2, (uint32_t)len);
	p[8] = 64;
	p[9] = 6;
	be32(p + client, 0x0a000000 + (flow >> 14) + 1);
	be32(p + 28 - client, 0x0a000302);
	be16(p + 10, packet_checksum(p, 20, 0));
	be16(p + (dir == DIR_UP ? 20 : 22), 1024 + (flow & 0x3fff));
	be16(p + (dir == DIR_UP ? 22 : 20), 443);
	be32(p + 24, seq);
	be32(p + 28, ack);
	p[32] = 5 << 4;
	p[33] = flags;
	be16(p + 34, 65535);
	packet_parse_ip(p, len, &parsed);
	be16(p + 36, packet_l4_checksum(&parsed));
	return len;
}

static void arrive(struct bench *b, enum direction dir, size_t len)
{
	const struct engine_out out = { .emit = leaves, .ctx = b };

	engine_packet(b->engine, b->now += 1000, dir, b->packet, len, &out);
}

static void establish(struct bench *b, unsigned int flow)
{
	const uint8_t syn = PACKET_TCP_SYN, ack = PACKET_TCP_ACK;

	arrive(b, DIR_UP, segment(b->packet, flow, DIR_UP, syn, START, 0, 0));
	arrive(b, DIR_DOWN, segment(b->packet, flow, DIR_DOWN, syn | ack, START, START + 1, 0));
	arrive(b, DIR_UP, segment(b->packet, flow, DIR_UP, ack, START + 1, START + 1, 0));
	b->next[flow] = START + 1;
}

static struct engine *make_engine(const char *device)
{
	struct device_config config;
	struct choice choice;
	struct err err = { 0 };

	if (choice_parse(device, &choice, &err) ||
	    device_config_from_choice(&choice, &config, &err)) {
		fprintf(stderr, "bench: %s\n", err.text);
		exit(99);
	}
	choice_release(&choice);
	return engine_new(&config, 1);
}

/*
 * Nanoseconds a packet; data up, and every second time its ACK down.  Making packets is
 * timed without the engine too, and taken off.  @device NULL: read and check only.
 */
static double measure(const char *device, unsigned int flows, size_t payload)
{
	static struct bench b;
	uint64_t begun, spent[2];

	b = (struct bench){ .now = 1 };
	if (device)
		b.engine = make_engine(device);
	for (unsigned int i = 0; i < flows; i++)
		if (device)
			establish(&b, i);
	b.left = 0;
	for (int engine = 0; engine < 2; engine++) {
		begun = clock_ns();
		for (unsigned int n = 0; n < PACKETS / 2; n++) {
			unsigned int flow = n % flows;
			size_t len = segment(b.packet, flow, DIR_UP, PACKET_TCP_ACK, b.next[flow],
					     START + 1, payload);
			struct packet p;

			if (engine && device)
				arrive(&b, DIR_UP, len);
			else if (engine && packet_parse_ip(b.packet, len, &p))
				b.left += packet_l4_checksum_ok(&p);
			b.next[flow] += engine ? (uint32_t)payload : 0;
			len = segment(b.packet, flow, DIR_DOWN, PACKET_TCP_ACK, START + 1,
				      b.next[flow], 0);
			if (engine && device)
				arrive(&b, DIR_DOWN, len);
			else if (engine && packet_parse_ip(b.packet, len, &p))
				b.left += packet_l4_checksum_ok(&p);
		}
		spent[engine] = clock_ns() - begun;
	}
	if (b.left != PACKETS) {
		fprintf(stderr, "bench: of %d packets %llu passed\n", PACKETS,
			(unsigned long long)b.left);
		exit(99);
	}
	engine_free(b.engine);
	return ((double)spent[1] - (double)spent[0]) / PACKETS;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const char *device, unsigned int flows, size_t payload)
{
	double figures[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		figures[i] = measure(device, flows, payload);
	qsort(figures, ROUNDS, sizeof(*figures), by_value);
	return figures[ROUNDS / 2];
}

int main(void)
{
	static const char *const devices[] = { "asa-bypass", "asa,isn-randomise=off",
					       "asa-proxy,isn-randomise=off" };
	static const size_t sizes[] = { 64, 512, 1400 };
	static const unsigned int flows[] = { 1, 100, FLOWS_MAX };

	printf("\na packet in the engine, ns; in brackets: times reading and checking it\n"
	       "%-28s %8s %18s %18s %18s   10,000 : 1\n",
	       "device", "payload", "1 flow", "100 flows", "10,000 flows");
	for (size_t d = 0; d < ARRAY_SIZE(devices); d++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			double floor = median(NULL, 1, sizes[s]), cost[ARRAY_SIZE(flows)];

			printf("%-28s %8zu", devices[d], sizes[s]);
			for (size_t f = 0; f < ARRAY_SIZE(flows); f++) {
				cost[f] = median(devices[d], flows[f], sizes[s]);
				printf(" %9.0f (%5.1f)", cost[f], cost[f] / floor);
			}
			printf("   %9.2f\n", cost[2] / cost[0]);
		}
	return 0;
}
