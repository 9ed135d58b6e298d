// SPDX-License-Identifier: Apache-2.0
/*
 * ICMP errors about segments whose numbers the device changed: their quotes have the numbers
 * of who sent them, so that its kernel takes them.  cases/lab/mtu-behind-asa* show that with
 * a real one.
 */
#include "middlebox/quote.h"
#include "tests/middlebox-sim.h"

#define IP4 20
#define IP6 40

static uint32_t client_ack; /* in the numbers that the client sees */

static uint16_t rd16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t rd32(const uint8_t *p)
{
	return (uint32_t)rd16(p) << 16 | rd16(p + 2);
}

/* What an ICMP message must add up to: 0xffff (RFC 792; RFC 4443 section 2.3) */
static uint16_t icmp_sum(const uint8_t *ip, size_t len)
{
	size_t header = ip[0] >> 4 == 4 ? IP4 : IP6;
	uint8_t tail[4] = { 0, 58, 0, 0 };
	uint16_t sum = 0;

	be16(tail + 2, (uint32_t)(len - header));
	if (header == IP6)
		sum = sim_sum(sim_sum(0, ip + 8, 32), tail, sizeof(tail));
	return sim_sum(sum, ip + header, len - header);
}

/* A router behind the device says "too big" about @quoted bytes of the first packet that left */
static size_t too_big(const struct leaving *l, size_t quoted, uint8_t *ip)
{
	bool v4 = l->ip[0] >> 4 == 4;
	size_t header = v4 ? IP4 : IP6, len = header + 8 + quoted;
	const uint8_t router4[] = { 10, 0, 3, 9 }, router6[16] = { 0x20, 1, 0x0d, 0xb8, 9 };

	memset(ip, 0, header + 8);
	ip[0] = v4 ? 0x45 : 0x60;
	be16(ip + (v4 ? 2 : 4), (uint32_t)(v4 ? len : len - header));
	ip[v4 ? 8 : 7] = 64;
	ip[v4 ? 9 : 6] = v4 ? 1 : 58;
	memcpy(ip + (v4 ? 12 : 8), v4 ? router4 : router6, v4 ? 4 : 16);
	memcpy(ip + (v4 ? 16 : 24), l->ip + (v4 ? 12 : 8), v4 ? 4 : 16);
	if (v4)
		be16(ip + 10, (uint16_t)~sim_sum(0, ip, IP4));
	ip[header] = v4 ? 3 : 2;
	ip[header + 1] = v4 ? 4 : 0;
	be16(ip + header + 6, 1280);
	memcpy(ip + header + 8, l->ip, quoted);
	be16(ip + header + 2, (uint16_t)~icmp_sum(ip, len));
	return len;
}

/* A segment up, and what was quoted of it comes back; the quoted bytes of TCP, or NULL */
static const uint8_t *about_data(struct sim *s, int version, size_t tcp_bytes, uint32_t *sent)
{
	static uint8_t error[2048];
	size_t header = version == 4 ? IP4 : IP6, len;

	UP(s, .seq = 1001, .ack = client_ack, .flags = ACK, .len = 1000, .version = version);
	if (!sim_passed(s, DIR_UP))
		return NULL;
	*sent = rd32(s->out[0].ip + header + 4);
	len = too_big(&s->out[0], header + tcp_bytes, error);
	sim_raw(s, DIR_DOWN, error, len);
	if (!sim_passed(s, DIR_DOWN) || s->out[0].len != len ||
	    icmp_sum(s->out[0].ip, len) != 0xffff)
		return NULL;
	return s->out[0].ip + 2 * header + 8;
}

static struct sim *connected(const char *device, int version)
{
	struct sim *s = sim_new(device);
	uint32_t theirs;

	UP(s, .seq = 1000, .flags = SYN, .version = version);
	theirs = rd32(s->out[0].ip + (version == 4 ? IP4 : IP6) + 4) + 1;
	DOWN(s, .seq = 9000, .ack = theirs, .flags = SYN | ACK, .version = version);
	client_ack = s->out[0].p.seq + 1;
	UP(s, .seq = 1001, .ack = client_ack, .flags = ACK, .version = version);
	return s;
}

static void test_numbers(int version)
{
	static const char *const devices[] = { "asa", "asa-proxy" };

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		struct sim *s = connected(devices[i], version);
		uint32_t sent = 0;
		const uint8_t *tcp = about_data(s, version, 20, &sent);

		tap_ok(tcp && sent != 1001, "%s, IPv%d: on the way it had another number",
		       devices[i], version);
		tap_ok(tcp && rd32(tcp + 4) == 1001, "and in the quote that of its sender");
		tap_ok(tcp && rd32(tcp + 8) == client_ack, "so the ACK number");
		tcp = about_data(s, version, 8, &sent);
		tap_ok(tcp && rd32(tcp + 4) == 1001, "of 8 bytes too, the least that is quoted");
		tap_is(sim_counter(s, COUNTER_QUOTE_TRANSLATED), 2, "both are counted");
		sim_free(s);
	}
}

static void test_untouched(int version)
{
	struct sim *s = connected("asa,isn-randomise=off", version);
	size_t header = version == 4 ? IP4 : IP6;
	uint8_t error[2048], data[2048];
	uint32_t sent = 0;
	size_t len;

	tap_ok(about_data(s, version, 20, &sent) && sent == 1001 &&
		       !sim_counter(s, COUNTER_QUOTE_TRANSLATED),
	       "IPv%d: without randomisation nothing is changed", version);
	sim_free(s);

	s = connected("asa", version);
	len = sim_build(
		&(struct seg){
			.dir = DIR_UP, .seq = 5, .client_port = 7, .len = 100, .version = version },
		data);
	memcpy(s->out[0].ip, data, len);
	len = too_big(&s->out[0], header + 20, error);
	sim_raw(s, DIR_DOWN, error, len);
	tap_ok(sim_passed(s, DIR_DOWN) && !memcmp(s->out[0].ip, error, len),
	       "nor of a connection that the device does not know");
	UP(s, .seq = 1001, .ack = client_ack, .flags = ACK, .len = 10, .version = version);
	len = too_big(&s->out[0], header + 20, error);
	error[header + 2] ^= 0x55;
	sim_raw(s, DIR_DOWN, error, len);
	tap_ok(sim_passed(s, DIR_DOWN) && !memcmp(s->out[0].ip, error, len),
	       "nor an error whose checksum is wrong");
	error[header + 2] ^= 0x55;
	for (size_t cut = 1; cut < len; cut++) /* for the sanitizers */
		sim_raw(s, DIR_DOWN, error, cut);
	tap_is(sim_counter(s, COUNTER_QUOTE_TRANSLATED), 0, "none of them counts");
	sim_free(s);
}

int main(void)
{
	for (int version = 4; version <= 6; version += 2) {
		test_numbers(version);
		test_untouched(version);
	}
	sim_counted(COUNTER_QUOTE_TRANSLATED);
	return tap_done();
}
