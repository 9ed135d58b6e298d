/* SPDX-License-Identifier: Apache-2.0 */
/* Flows and packets of either version of IP, for the tests of a meddlebox. */
#ifndef DUPACK_TESTS_MEDDLE_SIM_H
#define DUPACK_TESTS_MEDDLE_SIM_H

#include "tests/middlebox-sim.h"

static int version; /* of all packets of a test */

#define U(s, ...) UP((s), .version = version, __VA_ARGS__)
#define D(s, ...) DOWN((s), .version = version, __VA_ARGS__)

static inline struct sim *open_flow(const char *device)
{
	struct sim *s = sim_new(device);

	U(s, .seq = 1000, .flags = SYN);
	D(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK);
	U(s, .seq = 1001, .ack = 9001, .flags = ACK);
	return s;
}

/* All that left has right checksums and lengths */
static inline bool whole(const struct sim *s)
{
	for (unsigned int i = 0; i < s->count; i++)
		if (s->out[i].p.problem || s->out[i].p.ip_len != s->out[i].len ||
		    (version == 4 && sim_sum(0, s->out[i].ip, 20) != 0xffff) ||
		    (s->out[i].p.tcp && sim_tcp_sum(s->out[i].ip, s->out[i].len) != 0xffff))
			return false;
	return true;
}

static inline const uint8_t *option(const struct leaving *l, uint8_t kind)
{
	const uint8_t *o = l->p.options, *end = o + l->p.options_len;

	while (o < end && *o != 0 && *o != kind)
		o += *o == 1 ? 1 : o[1];
	return o < end && *o == kind ? o : NULL;
}

/* A packet that sim_build() has no field for */
static inline size_t build(const struct seg *g, uint8_t ip[2048], unsigned int ecn, bool df)
{
	size_t len = sim_build(g, ip);

	if (version == 4) {
		ip[1] = (uint8_t)ecn;
		ip[6] = df ? 0x40 : 0;
		be16(ip + 10, 0);
		be16(ip + 10, (uint16_t)~sim_sum(0, ip, 20));
	} else {
		ip[1] = (uint8_t)(ecn << 4);
	}
	return len;
}

static inline void send_marked(struct sim *s, const struct seg *g, unsigned int ecn, bool df)
{
	struct seg versioned = *g;
	uint8_t ip[2048];
	size_t len;

	versioned.version = version;
	len = build(&versioned, ip, ecn, df);
	sim_raw(s, g->dir, ip, len);
}

/* A UDP datagram up, from port 500 to @port */
static inline void send_udp(struct sim *s, uint16_t port, const void *payload, size_t payload_len)
{
	const struct seg g = { .dir = DIR_UP, .len = payload_len + 8, .version = version };
	uint8_t ip[2048];
	size_t len = sim_build(&g, ip), head = version == 4 ? 20 : 40;

	memmove(ip + head + 8, ip + head + 28, payload_len);
	len -= 20;
	be16(ip + (version == 4 ? 2 : 4), (uint32_t)(version == 4 ? len : len - 40));
	ip[version == 4 ? 9 : 6] = 17;
	be16(ip + head, 500);
	be16(ip + head + 2, port);
	be16(ip + head + 4, (uint32_t)payload_len + 8);
	be16(ip + head + 6, 0);
	memcpy(ip + head + 8, payload, payload_len);
	if (version == 4) {
		be16(ip + 10, 0);
		be16(ip + 10, (uint16_t)~sim_sum(0, ip, 20));
	}
	sim_raw(s, DIR_UP, ip, len);
}

#endif
