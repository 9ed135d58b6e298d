// SPDX-License-Identifier: Apache-2.0
/*
 * Any packets, at any times, in both directions, through any engine with any
 * options.  An input is
 *
 *   device, number of options, (option, value 16 bits)...
 *   then for each packet: time that passes, flags, length 16 bits, an IP packet
 *
 * What must hold: memory within its bounds, every packet counted once, what
 * leaves is a packet with right checksums if all that came was, and a timer
 * that is due does something.
 */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "decode/packet.h"
#include "fuzz/fuzz.h"
#include "middlebox/engine.h"
#include "middlebox/gather.h"
#include "middlebox/meddle.h"
#include "middlebox/middlebox.h"
#include "spec/name.h"

#define PACKET_MAX  9000
#define OPTIONS_MAX 8
#define FLAG_DOWN   1 /* travels down */
#define FLAG_REPAIR 2 /* its checksums are made right first */

struct fuzz {
	struct engine *engine;
	struct device_config config;
	bool clean; /* all that came in had right checksums */
	bool counts; /* nothing is made, merged or cut: every packet is counted once */
	uint64_t now, packets;
	uint8_t packet[PACKET_MAX];
};

static void emit(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	const struct fuzz *f = ctx;
	struct packet p;

	FUZZ_CHECK(dir == DIR_UP || dir == DIR_DOWN);
	FUZZ_CHECK(len > 0 && len <= 65535);
	packet_parse_ip(ip, len, &p);
	if (f->clean && p.tcp)
		FUZZ_CHECK(packet_l4_checksum_ok(&p));
}

/* A device with options, as a user would write it */
static char *choose(struct fuzz_input *in)
{
	static const char *const prefixes[] = { "10.0.0.0/8", "10.0.0.0/31_2001:db8::/32",
						"2001:db8::1", "0::/0" };
	enum device_mode mode = fuzz_u8(in) % DEVICE_COUNT;
	unsigned int rows = 0, options = fuzz_u8(in) % (OPTIONS_MAX + 1);
	char *text;

	while (device_kinds[mode].ops != &device_ops_engine)
		mode = (mode + 1) % DEVICE_COUNT;
	text = io_printf("%s,max-flows=64", device_kinds[mode].name);
	while (device_option(rows))
		rows++;
	FUZZ_CHECK(rows > 0);
	while (options--) {
		const struct device_option *o = device_option(fuzz_u8(in) % rows);
		uint64_t value = fuzz_u16(in), words = 0;
		char *longer, number[32];

		if (!device_has_option(mode, o) || strstr(text, o->name))
			continue;
		while (words < ARRAY_SIZE(o->words) && o->words[words])
			words++;
		FUZZ_CHECK(words > 0 || o->kind != OPTION_WORD);
		value = o->min + value % (o->max - o->min < 65535 ? o->max - o->min + 1 : 65536);
		if (o->kind == OPTION_WORD)
			snprintf(number, sizeof(number), "%s", o->words[value % words]);
		else if (o->kind == OPTION_DURATION)
			snprintf(number, sizeof(number), "%" PRIu64 "us",
				 (uint64_t)(o->min / NS_PER_US + value * 1000));
		else if (o->kind == OPTION_BYTES)
			snprintf(number, sizeof(number), "%04x", (unsigned int)value);
		else if (o->kind == OPTION_PREFIXES)
			snprintf(number, sizeof(number), "%s",
				 prefixes[fuzz_u8(in) % ARRAY_SIZE(prefixes)]);
		else
			snprintf(number, sizeof(number), "%" PRIu64 "%s", value,
				 o->kind == OPTION_SIZE	  ? "B"
				 : o->kind == OPTION_RATE ? "kbit"
							  : "");
		longer = io_printf("%s,%s=%s", text, o->name, number);
		free(text);
		text = longer;
	}
	return text;
}

static bool start(struct fuzz *f, struct fuzz_input *in)
{
	AUTO_FREE char *text = choose(in);
	struct choice choice;
	struct err err;

	if (choice_parse(text, &choice, &err))
		return false;
	if (device_config_from_choice(&choice, &f->config, &err)) {
		choice_release(&choice); /* a value out of range, or two that do not go together */
		return false;
	}
	choice_release(&choice);
	f->engine = engine_new(&f->config, 1);
	f->clean = true;
	f->counts = !meddle_wanted(&f->config);
	f->now = NS_PER_S;
	return true;
}

/* Make the checksum of TCP right, as its sender would have */
static void repair(uint8_t *ip, size_t len)
{
	struct packet p;
	uint16_t sum;

	if (!packet_parse_ip(ip, len, &p) || !p.tcp)
		return;
	memset(ip + (p.l4 - p.ip) + 16, 0, 2);
	sum = packet_l4_checksum(&p);
	ip[p.l4 - p.ip + 16] = (uint8_t)(sum >> 8);
	ip[p.l4 - p.ip + 17] = (uint8_t)sum;
}

static void check_state(const struct fuzz *f)
{
	const uint64_t *c = engine_counters(f->engine);
	struct engine_usage usage = engine_usage(f->engine);
	uint64_t through = c[COUNTER_FORWARDED] + c[COUNTER_PASSED_OTHER] + c[COUNTER_RELEASED] +
			   c[COUNTER_PASSED_UNSELECTED] + c[COUNTER_INTERCEPTED] +
			   usage.queued_packets;

	FUZZ_CHECK(usage.flows <= 64);
	FUZZ_CHECK(usage.gathered_bytes <= GATHER_MEMORY);
	FUZZ_CHECK(usage.queued_bytes <= f->config.engine.queue_memory);
	FUZZ_CHECK(usage.history_bytes <= f->config.engine.history_memory);
	FUZZ_CHECK(usage.bytes <= engine_bytes_max(&f->config));
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		through += counter_kinds[i].drop ? c[i] : 0;
	if (f->counts)
		FUZZ_CHECK(through == f->packets);
}

static void arrive(struct fuzz *f, struct fuzz_input *in)
{
	const struct engine_out out = { .emit = emit, .ctx = f };
	/* from nothing to a day */
	uint64_t passed = (1ULL << fuzz_u8(in) % 47) - 1, before;
	uint8_t flags = fuzz_u8(in);
	size_t len, want = 1 + fuzz_u16(in) % (PACKET_MAX - 1);
	const uint8_t *bytes = fuzz_bytes(in, want, &len);
	struct packet p;

	memcpy(f->packet, bytes, len);
	if (flags & FLAG_REPAIR)
		repair(f->packet, len);
	packet_parse_ip(f->packet, len, &p);
	if (p.tcp && !packet_l4_checksum_ok(&p))
		f->clean = false;
	f->now += passed;
	for (int i = 0; engine_deadline(f->engine) <= f->now; i++) {
		before = engine_deadline(f->engine);
		engine_timer(f->engine, before, &out);
		FUZZ_CHECK(engine_deadline(f->engine) > before || i < 1000);
	}
	f->packets++;
	engine_packet(f->engine, f->now, flags & FLAG_DOWN ? DIR_DOWN : DIR_UP, f->packet, len,
		      &out);
	check_state(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };
	static struct fuzz f;

	f = (struct fuzz){ 0 };
	if (!start(&f, &in))
		return -1;
	while (in.len > 4)
		arrive(&f, &in);
	engine_free(f.engine);
	return 0;
}
