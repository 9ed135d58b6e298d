// SPDX-License-Identifier: Apache-2.0
/*
 * Hostile input: floods of SYNs, of segments behind holes, of data with check-retransmission,
 * of fragments, of cookies that were guessed.  Memory stays below engine_bytes_max(), as the
 * engine counts it and as malloc does, and a connection beside the flood goes on.
 */
#include <malloc.h>

#include "tests/middlebox-sim.h"

#define FLOOD	     60000 /* packets */
#define HEALTHY_PORT 60000
#define EVERY	     50 /* of the flood, for each exchange of the healthy flow */

/* What malloc adds to each piece: a header, and rounding to 16 bytes */
#define OVERHEAD(pieces) ((pieces)*32 + 65536)

struct flood {
	const char *what, *device;
	void (*hit)(struct sim *s, unsigned int i, int version); /* one packet */
	bool established; /* by handshakes before it */
	enum counter witness; /* moved by the flood */
};

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void hit_syn(struct sim *s, unsigned int i, int version)
{
	UP(s, .version = version, .seq = i * 77, .flags = SYN,
	   .client_port = (uint16_t)(1 + i % 50000), .client_host = (uint8_t)(2 + i / 50000));
}

static void hit_guess(struct sim *s, unsigned int i, int version)
{
	UP(s, .version = version, .seq = i, .ack = i * 7919, .flags = ACK,
	   .client_port = (uint16_t)(1 + i % 50000));
}

static void hit_hole(struct sim *s, unsigned int i, int version)
{
	UP(s, .version = version, .seq = 1101 + i / 1000 * 1400, .ack = 9001, .flags = ACK,
	   .len = 1400, .client_port = (uint16_t)(1 + i % 1000));
}

/* As small as can be: what a held segment costs besides its bytes counts too */
static void hit_small_hole(struct sim *s, unsigned int i, int version)
{
	UP(s, .version = version, .seq = 1003 + i / 1000 * 2, .ack = 9001, .flags = ACK, .len = 1,
	   .client_port = (uint16_t)(1 + i % 1000));
}

static void hit_data(struct sim *s, unsigned int i, int version)
{
	UP(s, .version = version, .seq = 1001 + i / 1000 * 1400, .ack = 9001, .flags = ACK,
	   .len = 1400, .client_port = (uint16_t)(1 + i % 1000));
}

static void hit_fragment(struct sim *s, unsigned int i, int version)
{
	uint8_t ip[2048];
	size_t len =
		sim_build(&(const struct seg){ .version = version, .flags = ACK, .len = 1000 }, ip);

	if (version == 4) {
		be16(ip + 4, i);
		be16(ip + 6, 0x2000 | (i % 3 ? i % 0x1fff : 0)); /* never the last one */
	} else {
		memmove(ip + 48, ip + 40, len - 40);
		memcpy(ip + 40, (const uint8_t[]){ 6, 0, 0, 0, 0, 0, 0, 0 }, 8);
		be16(ip + 42, (i % 3 ? i % 8000 : 0) << 3 | 1);
		be32(ip + 44, i);
		ip[6] = 44;
		len += 8;
		be16(ip + 4, (uint32_t)len - 40);
	}
	sim_raw(s, DIR_UP, ip, len);
}

#define SMALL "max-flows=2000,queue-memory=1MB,history-memory=2MB"

static const struct flood floods[] = {
	{ "SYNs", "asa," SMALL, hit_syn, false, COUNTER_FLOW_EVICTED },
	{ "SYNs", "asa-proxy," SMALL, hit_syn, false, COUNTER_FLOW_EVICTED },
	{ "SYNs", "asa-bypass,max-flows=2000", hit_syn, false, COUNTER_FLOW_EVICTED },
	{ "SYNs", "asa,embryonic-limit=100," SMALL, hit_syn, false, COUNTER_SYN_COOKIE_SENT },
	{ "guessed cookies", "asa,embryonic-limit=100," SMALL, hit_guess, false,
	  COUNTER_TCP_NOT_SYN },
	{ "holes", "asa-proxy,queue-limit=250," SMALL, hit_hole, true, COUNTER_TCP_BUFFER_FULL },
	{ "small holes", "asa-proxy,queue-limit=250," SMALL, hit_small_hole, true,
	  COUNTER_TCP_BUFFER_FULL },
	{ "holes", "asa," SMALL, hit_hole, true, COUNTER_FORWARDED },
	{ "data", "asa,check-retransmission=on," SMALL, hit_data, true, COUNTER_FORWARDED },
	{ "fragments", "asa," SMALL, hit_fragment, false, COUNTER_PASSED_OTHER },
	{ "fragments", "asa-proxy," SMALL, hit_fragment, false, COUNTER_PASSED_OTHER },
};

/* An end that does as it should, in its own numbers */
struct peer {
	uint32_t seq, ack;
};

/* A request and its answer; true if both arrived, and the acknowledgement too */
static bool exchange(struct sim *s, struct peer *client, struct peer *server, int version)
{
	UP(s, .version = version, .seq = client->seq, .ack = client->ack, .flags = ACK, .len = 100,
	   .client_port = HEALTHY_PORT);
	client->seq += 100;
	if (!sim_passed(s, DIR_UP) || s->out[0].p.seq != server->ack)
		return false;
	server->ack += 100;
	DOWN(s, .version = version, .seq = server->seq, .ack = server->ack, .flags = ACK,
	     .len = 200, .client_port = HEALTHY_PORT);
	server->seq += 200;
	if (!sim_passed(s, DIR_DOWN) || s->out[0].p.seq != client->ack ||
	    s->out[0].p.ack != client->seq)
		return false;
	client->ack += 200;
	UP(s, .version = version, .seq = client->seq, .ack = client->ack, .flags = ACK,
	   .client_port = HEALTHY_PORT);
	return sim_passed(s, DIR_UP) && s->out[0].p.ack == server->seq;
}

static void connect_healthy(struct sim *s, struct peer *client, struct peer *server, int version)
{
	*client = (struct peer){ .seq = 5001 };
	*server = (struct peer){ .seq = 7001 };
	UP(s, .version = version, .seq = 5000, .flags = SYN, .client_port = HEALTHY_PORT);
	server->ack = s->out[0].p.seq + 1;
	DOWN(s, .version = version, .seq = 7000, .ack = server->ack, .flags = SYN | ACK,
	     .client_port = HEALTHY_PORT);
	client->ack = s->out[0].p.seq + 1;
	UP(s, .version = version, .seq = 5001, .ack = client->ack, .flags = ACK,
	   .client_port = HEALTHY_PORT);
}

static void establish(struct sim *s, int version)
{
	for (uint16_t port = 1; port <= 1000; port++) {
		UP(s, .version = version, .seq = 1000, .flags = SYN, .client_port = port);
		DOWN(s, .version = version, .seq = 9000, .ack = s->out[0].p.seq + 1,
		     .flags = SYN | ACK, .client_port = port);
		UP(s, .version = version, .seq = 1001, .ack = s->out[0].p.seq + 1, .flags = ACK,
		   .client_port = port);
	}
}

static size_t bound_of(const char *device)
{
	struct device_config config;
	struct choice choice;
	struct err err = { 0 };

	if (choice_parse(device, &choice, &err) ||
	    device_config_from_choice(&choice, &config, &err))
		abort();
	choice_release(&choice);
	return engine_bytes_max(&config);
}

static void check_flood(const struct flood *f, int version)
{
	AUTO_FREE char *device = NULL;
	size_t bound, before, most = 0, most_heap = 0, pieces = 0;
	unsigned int exchanges = 0, good = 0;
	struct peer client, server;
	struct sim *s;

	if (asprintf(&device, "%s%s", f->device,
		     strncmp(f->device, "asa-bypass", 10) == 0 ? "" : ",isn-randomise=off") < 0)
		abort();
	bound = bound_of(device);
	before = heap();
	s = sim_new(device);
	connect_healthy(s, &client, &server, version);
	if (f->established)
		establish(s, version);
	for (unsigned int i = 0; i < FLOOD; i++) {
		struct engine_usage usage;

		s->now += 10 * NS_PER_US;
		f->hit(s, i, version);
		if (i % EVERY == 0) {
			exchanges++;
			good += exchange(s, &client, &server, version);
		}
		usage = engine_usage(s->engine);
		most = usage.bytes > most ? usage.bytes : most;
		if (before && i % 1000 == 999) { /* a sanitizer's malloc does not tell */
			size_t now = heap() - before - sizeof(*s);

			most_heap = now > most_heap ? now : most_heap;
			pieces = usage.flows * 3 + usage.queued_packets;
		}
	}
	tap_is(good, exchanges, "%s, IPv%d, %s: the flow beside it goes on", f->what, version,
	       f->device);
	tap_ok(most <= bound, "memory as counted: %zu of %zu bytes", most, bound);
	if (most_heap)
		tap_ok(most_heap <= bound + OVERHEAD(pieces), "memory as allocated: %zu",
		       most_heap);
	tap_ok(sim_counter(s, f->witness) > FLOOD / 3, "witness: %s",
	       counter_kinds[f->witness].name);
	sim_free(s);
}

/* Established connections fill the table: nothing makes room, and those that are there go on */
static void check_full(void)
{
	struct sim *s = sim_new("asa,max-flows=1001,isn-randomise=off");
	struct peer client, server;

	connect_healthy(s, &client, &server, 4);
	establish(s, 4);
	for (unsigned int i = 0; i < 5000; i++)
		UP(s, .seq = i, .flags = SYN, .client_port = (uint16_t)(2000 + i));
	tap_is(sim_counter(s, COUNTER_FLOW_TABLE_FULL), 5000,
	       "a full table refuses new connections");
	tap_ok(exchange(s, &client, &server, 4), "and keeps the old ones");
	sim_free(s);
}

int main(void)
{
	for (int version = 4; version <= 6; version += 2)
		for (size_t i = 0; i < ARRAY_SIZE(floods); i++)
			check_flood(&floods[i], version);
	check_full();
	tap_ok(bound_of("asa-proxy") < 100 << 20, "with the defaults below 100 MiB: %zu bytes",
	       bound_of("asa-proxy"));
	return tap_done();
}
