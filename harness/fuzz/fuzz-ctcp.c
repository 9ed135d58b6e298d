// SPDX-License-Identifier: Apache-2.0
/*
 * targets/ctcp: a client or a head-end that gets any segments from the wire and
 * any packets from its stack.  An input is the end that it is, then for each
 * packet: time that passes, flags, length 16 bits, an IPv4 packet.
 */
#include "../../targets/ctcp/carrier.h"

#include <string.h>

#include "base/units.h"
#include "decode/packet.h"
#include "fuzz/fuzz.h"

#define FLAG_STACK 1 /* from the local stack, not from the wire */
#define FLAG_CHECK 2 /* its checksums are to be checked */

static const uint8_t local[4] = { 10, 0, 1, 1 }, remote[4] = { 10, 0, 3, 2 };

static bool leaves(void *ctx, const uint8_t *packet, size_t len)
{
	struct packet p;

	(void)ctx;
	FUZZ_CHECK(packet_parse_ip(packet, len, &p) && p.ip_len == len);
	return true;
}

static void claim(void *ctx, const uint8_t address[4], bool on)
{
	(void)ctx, (void)address, (void)on;
}

static uint32_t random32(void *ctx)
{
	return *(uint32_t *)ctx += 0x9e3779b9;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };
	bool client = fuzz_u8(&in) & 1;
	uint32_t state = 1;
	const struct carrier_world world = { &state, leaves, leaves, claim, random32 };
	struct peer_profile profile;
	struct carrier carrier;
	uint64_t now = NS_PER_S;

	peer_profile_default(&profile);
	profile.retransmit = fuzz_u8(&in) & 1;
	if (!carrier_init(&carrier, &profile, client, client ? local : remote,
			  client ? remote : local, &world))
		return -1;
	while (in.len) {
		uint8_t packet[CTCP_MTU], flags;
		const uint8_t *bytes;
		size_t n;

		now += (1ULL << fuzz_u8(&in) % 40) - 1;
		flags = fuzz_u8(&in);
		bytes = fuzz_bytes(&in, fuzz_u16(&in) % sizeof(packet), &n);
		memcpy(packet, bytes, n);
		carrier_expire(&carrier, now);
		if (flags & FLAG_STACK)
			carrier_from_stack(&carrier, packet, n, now);
		else
			carrier_from_wire(&carrier, packet, n, flags & FLAG_CHECK, now);
	}
	carrier_close(&carrier, now);
	carrier_release(&carrier);
	return 0;
}
