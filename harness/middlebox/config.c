// SPDX-License-Identifier: Apache-2.0
/*
 * Choices into configurations.  A default is written in its table as a user
 * would write it and goes through the same parser, so it is said once.
 */
#include "middlebox/config.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "spec/name.h"

#define PROXY	     (1U << DEVICE_PROXY)
#define BYPASS	     (1U << DEVICE_BYPASS)
#define FIELD(field) .offset = offsetof(struct engine_config, field)
#define ANY_DURATION .kind = OPTION_DURATION, .min = NS_PER_MS, .max = 864000 * NS_PER_S

static const char tcp_map[] = "ASA command reference, tcp-map";
static const char asa_timeouts[] = "ASA command reference, timeout";
static const char model[] = "assumption of this model";

const struct device_kind device_kinds[DEVICE_COUNT] = {
	[DEVICE_ROUTER] = { "router", "no stateful device: the node only routes", model },
	[DEVICE_PROXY] = { "asa-proxy",
			   "keeps TCP in order and acknowledges behind holes, segments preserved",
			   "Cisco document 113578; ASA configuration guide, TCP normalizer" },
	[DEVICE_BYPASS] = { "asa-bypass", "tcp-state-bypass: TCP passes unchecked",
			    "ASA configuration guide, TCP state bypass" },
};

/* clang-format off */
const struct device_option device_options[] = {
	{ .name = "queue-limit", .preset = "3", .devices = PROXY, .kind = OPTION_COUNT,
	  FIELD(queue_limit), .min = 1, .max = 250, .source = tcp_map,
	  .what = "segments held behind a hole, for each direction of a flow" },
	{ .name = "queue-timeout", .preset = "4s", .devices = PROXY, .kind = OPTION_DURATION,
	  FIELD(queue_timeout_ns), .min = NS_PER_S, .max = 20 * NS_PER_S, .source = tcp_map,
	  .what = "how long they wait for the hole to be filled" },
	{ .name = "queue-memory", .preset = "64MiB", .devices = PROXY, .kind = OPTION_SIZE,
	  FIELD(queue_memory), .min = 0, .max = UINT32_MAX, .source = model,
	  .what = "bytes held by all flows together" },
	{ .name = "ack-mode", .preset = "gap", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(ack_mode), .words = { [ACK_GAP] = "gap", [ACK_EVERY] = "every" }, .source = model,
	  .what = "when the device acknowledges: behind a hole only, or every segment" },
	{ .name = "ack-point", .preset = "peer", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(ack_point), .words = { [ACK_POINT_PEER] = "peer", [ACK_POINT_NEXT] = "next" },
	  .source = model,
	  .what = "what it acknowledges: as the receiver did last, or all that was sent on" },
	{ .name = "ack-sack", .preset = "on", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(ack_sack), .words = { "off", "on" }, .source = "RFC 2018 section 4",
	  .what = "its ACKs report the queue to a sender that knows SACK" },
	{ .name = "isn-randomise", .preset = "on", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(isn_randomise), .words = { "off", "on" },
	  .source = "ASA configuration guide, TCP sequence randomization",
	  .what = "other initial sequence numbers in both directions" },
	{ .name = "tcp-options", .preset = "clear", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(clear_options), .words = { "allow", "clear" }, .source = tcp_map,
	  .what = "options of kind 6, 7 and 9-255" },
	{ .name = "checksum-verification", .preset = "off", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(verify_checksum), .words = { "off", "on" }, .source = tcp_map,
	  .what = "drop what has a wrong TCP checksum" },
	{ .name = "invalid-ack", .preset = "drop", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(drop_invalid_ack), .words = { "allow", "drop" }, .source = tcp_map,
	  .what = "what acknowledges data that was not sent" },
	{ .name = "seq-past-window", .preset = "drop", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(drop_seq_past_window), .words = { "allow", "drop" }, .source = tcp_map,
	  .what = "what ends past the receiver's window, which begins at what is expected next" },
	{ .name = "exceed-mss", .preset = "allow", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(drop_exceed_mss), .words = { "allow", "drop" }, .source = tcp_map,
	  .what = "what is longer than the MSS that the receiver gave" },
	{ .name = "synack-data", .preset = "drop", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(drop_synack_data), .words = { "allow", "drop" }, .source = tcp_map,
	  .what = "SYN-ACK with payload" },
	{ .name = "embryonic-timeout", .preset = "30s", .devices = PROXY, ANY_DURATION,
	  FIELD(embryonic_timeout_ns), .source = asa_timeouts,
	  .what = "how long a handshake may take" },
	{ .name = "half-closed-timeout", .preset = "10min", .devices = PROXY, ANY_DURATION,
	  FIELD(half_closed_timeout_ns), .source = asa_timeouts,
	  .what = "idle time after the first FIN" },
	{ .name = "closed-timeout", .preset = "30s", .devices = PROXY, ANY_DURATION,
	  FIELD(closed_timeout_ns), .source = model,
	  .what = "idle time after both FINs, in which the last of them may be repeated" },
	{ .name = "idle-timeout", .preset = "1h", .devices = PROXY, ANY_DURATION,
	  FIELD(idle_timeout_ns), .source = asa_timeouts,
	  .what = "how long an idle connection is kept" },
	{ .name = "idle-timeout", .preset = "2min", .devices = BYPASS, ANY_DURATION,
	  FIELD(idle_timeout_ns), .source = "ASA configuration guide, TCP state bypass",
	  .what = "how long an idle entry is kept" },
	{ .name = "max-flows", .preset = "65536", .devices = PROXY | BYPASS, .kind = OPTION_COUNT,
	  FIELD(max_flows), .min = 1, .max = 1 << 20, .source = model,
	  .what = "connections at a time" },
};
/* clang-format on */
const size_t device_options_len = ARRAY_SIZE(device_options);

static int set_number(const struct device_option *o, const char *text, struct engine_config *ret,
		      struct err *err)
{
	static int (*const parsers[])(const char *, uint64_t *) = {
		[OPTION_COUNT] = units_count,
		[OPTION_DURATION] = units_duration,
		[OPTION_SIZE] = units_size,
	};
	char low[32], high[32];
	uint64_t value;

	if (parsers[o->kind](text, &value) == 0 && value >= o->min && value <= o->max) {
		memcpy((char *)ret + o->offset, &value, sizeof(value));
		return 0;
	}
	if (o->kind == OPTION_DURATION) {
		units_format_duration(o->min, low, sizeof(low));
		units_format_duration(o->max, high, sizeof(high));
	} else {
		snprintf(low, sizeof(low), "%" PRIu64, o->min);
		snprintf(high, sizeof(high), "%" PRIu64, o->max);
	}
	return err_set_kind(err, ERR_USAGE, "option '%s' cannot be '%.60s': give %s from %s to %s",
			    o->name, text,
			    o->kind == OPTION_DURATION ? "a duration with its unit"
			    : o->kind == OPTION_SIZE   ? "a size with its unit, in bytes"
						       : "a whole number",
			    low, high);
}

static int set_option(const struct device_option *o, const char *text, struct engine_config *ret,
		      struct err *err)
{
	unsigned int value = 0;

	if (o->kind != OPTION_WORD)
		return set_number(o, text, ret, err);
	for (; o->words[value]; value++) {
		if (strcmp(o->words[value], text) != 0)
			continue;
		memcpy((char *)ret + o->offset, &value, sizeof(value));
		return 0;
	}
	return err_set_kind(err, ERR_USAGE, "option '%s' cannot be '%.60s': give '%s' or '%s'",
			    o->name, text, o->words[0], o->words[1]);
}

static const struct device_option *find_option(enum device_mode mode, const char *name)
{
	for (size_t i = 0; i < device_options_len; i++)
		if (device_has_option(mode, &device_options[i]) &&
		    strcmp(device_options[i].name, name) == 0)
			return &device_options[i];
	return NULL;
}

static int unknown_device(const struct choice *c, struct err *err)
{
	const char *names[DEVICE_COUNT];
	AUTO_FREE char *list = NULL;

	for (size_t i = 0; i < DEVICE_COUNT; i++)
		names[i] = device_kinds[i].name;
	list = name_list(names, DEVICE_COUNT);
	return err_set_kind(err, ERR_USAGE, "unknown middlebox '%.60s': known are %s", c->name,
			    list);
}

static int unknown_option(enum device_mode mode, const char *key, struct err *err)
{
	const char *names[ARRAY_SIZE(device_options)];
	AUTO_FREE char *list = NULL;
	size_t len = 0;

	for (size_t i = 0; i < device_options_len; i++)
		if (device_has_option(mode, &device_options[i]))
			names[len++] = device_options[i].name;
	if (!len)
		return err_set_kind(err, ERR_USAGE, "middlebox '%s' has no options, not '%.60s'",
				    device_kinds[mode].name, key);
	list = name_list(names, len);
	return err_set_kind(err, ERR_USAGE, "middlebox '%s' has no option '%.60s': it has %s",
			    device_kinds[mode].name, key, list);
}

/**
 * engine_config_from_choice() - What a named middlebox with its options does
 * @choice:	For example "asa-proxy,queue-limit=5"
 * @ret:	Set on success; options that are not given have their defaults
 * @err:	Set on failure, ERR_USAGE: it lists the known names
 *
 * Return: 0 or -1
 */
int engine_config_from_choice(const struct choice *choice, struct engine_config *ret,
			      struct err *err)
{
	struct engine_config config = { .mode = DEVICE_ROUTER };

	while (config.mode < DEVICE_COUNT &&
	       strcmp(device_kinds[config.mode].name, choice->name) != 0)
		config.mode++;
	if (config.mode == DEVICE_COUNT)
		return unknown_device(choice, err);
	for (size_t i = 0; i < device_options_len; i++)
		if (device_has_option(config.mode, &device_options[i]) &&
		    set_option(&device_options[i], device_options[i].preset, &config, err))
			return -1;
	for (size_t i = 0; i < choice->options_len; i++) {
		const struct option *given = &choice->options[i];
		const struct device_option *o = find_option(config.mode, given->key);

		if (!o)
			return unknown_option(config.mode, given->key, err);
		if (set_option(o, given->value, &config, err))
			return -1;
	}
	*ret = config;
	return 0;
}

/**
 * device_choice_ok() - Is it a known middlebox with options that it has?
 * @choice:	As a case or the command line names it
 * @err:	Set if not
 *
 * Return: true if so
 */
bool device_choice_ok(const struct choice *choice, struct err *err)
{
	struct engine_config config;

	return engine_config_from_choice(choice, &config, err) == 0;
}
