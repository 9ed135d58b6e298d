// SPDX-License-Identifier: Apache-2.0
/* Names and options of the devices: defaults as documented, bounds, and what an error says. */
#include "middlebox/config.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "middlebox/middlebox.h"
#include "spec/name.h"
#include "tests/tap.h"

static int parse(const char *text, struct device_config *ret, struct err *err)
{
	struct choice c;
	int rc;

	memset(err, 0, sizeof(*err));
	if (choice_parse(text, &c, err))
		return -2;
	rc = device_config_from_choice(&c, ret, err);
	choice_release(&c);
	return rc;
}

/* The table of the device's manual */
static void check_tcp_map(const struct engine_config *c)
{
	tap_ok(!c->check_retransmission && !c->verify_checksum && !c->drop_exceed_mss &&
		       c->queue_limit == 0 && c->queue_timeout_ns == 4 * NS_PER_S,
	       "check-retransmission, checksum-verification, exceed-mss, queue-limit");
	tap_ok(c->reserved_bits == ACTION_ALLOW && !c->drop_syn_data && c->drop_synack_data &&
		       c->urgent_flag == ACTION_CLEAR,
	       "reserved-bits, syn-data, synack-data, urgent-flag");
	tap_ok(c->drop_invalid_ack && c->drop_seq_past_window && c->ttl_protection &&
		       !c->drop_window_variation,
	       "invalid-ack, seq-past-window, ttl-evasion-protection, window-variation");
	tap_ok(c->tcp_options == ACTION_CLEAR && c->selective_ack == ACTION_ALLOW &&
		       c->timestamp == ACTION_ALLOW && c->window_scale == ACTION_ALLOW &&
		       !c->options_allow.len && !c->options_clear.len && !c->options_drop.len,
	       "tcp-options, selective-ack, timestamp, window-scale");
	tap_ok(c->isn_randomise && c->embryonic_timeout_ns == 30 * NS_PER_S &&
		       c->idle_timeout_ns == 3600 * NS_PER_S &&
		       c->half_closed_timeout_ns == 600 * NS_PER_S && !c->embryonic_limit &&
		       c->timeout_reset == RESET_OFF,
	       "sequence numbers, timeouts, embryonic limit");
}

static void check_defaults(void)
{
	struct device_config c = { 0 };
	struct err err = { 0 };

	tap_is(parse("asa-proxy", &c, &err), 0, "asa-proxy");
	tap_ok(c.mode == DEVICE_PROXY, "its mode");
	tap_is(c.engine.queue_limit, 0, "queue-limit");
	tap_is(c.engine.queue_timeout_ns, 4 * NS_PER_S, "queue-timeout");
	tap_is(c.engine.embryonic_timeout_ns, 30 * NS_PER_S, "embryonic-timeout");
	tap_is(c.engine.half_closed_timeout_ns, 600 * NS_PER_S, "half-closed-timeout");
	tap_is(c.engine.idle_timeout_ns, 3600 * NS_PER_S, "idle-timeout");
	tap_is(c.engine.max_flows, 65536, "max-flows");
	check_tcp_map(&c.engine);
	tap_ok(c.engine.inspect, "it is under inspection");
	tap_is(parse("asa", &c, &err), 0, "asa");
	tap_ok(c.mode == DEVICE_ASA && !c.engine.inspect, "it is not");
	check_tcp_map(&c.engine);
	tap_is(parse("asa-bypass", &c, &err), 0, "asa-bypass");
	tap_ok(c.mode == DEVICE_BYPASS && c.engine.bypass_timeout_ns == 120 * NS_PER_S,
	       "its idle-timeout");
	tap_is(parse("meddlebox", &c, &err), 0, "meddlebox");
	tap_ok(c.mode == DEVICE_MEDDLEBOX && c.meddle.mtu == 1500 &&
		       c.meddle.idle_timeout_ns == 7440 * NS_PER_S && !c.meddle.ecn,
	       "its defaults");
	tap_is(parse("router", &c, &err), 0, "router");
	tap_ok(c.mode == DEVICE_ROUTER, "its mode");
}

static void check_given(void)
{
	struct device_config c = { 0 };
	struct err err = { 0 };

	tap_is(parse("asa-proxy,queue-limit=250,queue-timeout=1500ms,ack-mode=every,"
		     "isn-randomise=off,seq-past-window=allow,idle-timeout=2h,queue-memory=1MB",
		     &c, &err),
	       0, "options");
	tap_ok(c.engine.queue_limit == 250 && c.engine.queue_timeout_ns == 1500 * NS_PER_MS &&
		       c.engine.ack_mode == ACK_EVERY && !c.engine.isn_randomise &&
		       !c.engine.drop_seq_past_window &&
		       c.engine.idle_timeout_ns == 7200 * NS_PER_S &&
		       c.engine.queue_memory == 1000000,
	       "each has its value");
	tap_is(parse("meddlebox,police=5mbit,dpi-bytes=16fEfd,coalesce=4kB,ecn=mark", &c, &err), 0,
	       "options of other kinds");
	tap_ok(c.meddle.police_bps == 5000000 && c.meddle.dpi_bytes.len == 3 &&
		       memcmp(c.meddle.dpi_bytes.bytes, "\x16\xfe\xfd", 3) == 0 &&
		       c.meddle.coalesce_bytes == 4000 && c.meddle.ecn == ECN_MARK,
	       "a rate, bytes, a size, a word");
	parse("asa-proxy,idle-timeout=2h", &c, &err);
	tap_ok(c.engine.drop_invalid_ack && c.engine.half_closed_timeout_ns == 600 * NS_PER_S,
	       "the others their defaults");
}

static void check_errors(void)
{
	static const struct {
		const char *text, *says[3];
	} bad[] = {
		{ "asap", { "unknown middlebox 'asap'", "router", "asa-bypass" } },
		{ "asa-proxy,queue=5", { "no option 'queue'", "queue-limit", "max-flows" } },
		{ "asa-bypass,queue-limit=5", { "'asa-bypass' has no option", "idle-timeout" } },
		{ "router,max-flows=5", { "'router' has no options" } },
		{ "asa,match-port=0", { "'match-port' cannot be '0'", "from 1 to 65535" } },
		{ "asa,match-port=5-4", { "'match-port' cannot be '5-4'", "ranges" } },
		{ "asa,match-port=1_2_3_4_5_6_7_8_9", { "'match-port' cannot", "at most 8" } },
		{ "asa,match-client=10.0.0.0/33", { "'match-client' cannot be", "prefixes" } },
		{ "asa,match-server=::", { "is not an option" } },
		{ "asa,match-server=host", { "'match-server' cannot be 'host'", "10.0.0.0/8_" } },
		{ "asa,tcp-options-drop=5", { "'tcp-options-drop' cannot be '5'", "6 to 255" } },
		{ "asa,reserved-bits=keep", { "'reserved-bits'", "allow, clear, drop" } },
		{ "asa,urgent-flag=drop", { "'urgent-flag' cannot be 'drop'", "allow, clear" } },
		{ "asa-bypass,check-retransmission=on", { "'asa-bypass' has no option" } },
		{ "asa-proxy,queue-limit=251", { "'queue-limit' cannot be '251'", "0 to 250" } },
		{ "asa-proxy,queue-limit=3s", { "'queue-limit' cannot be '3s'", "whole number" } },
		{ "asa-proxy,queue-timeout=4", { "'queue-timeout' cannot be '4'", "unit" } },
		{ "asa-proxy,queue-timeout=21s", { "'queue-timeout' cannot be '21s'", "20" } },
		{ "asa-proxy,ack-mode=never", { "'ack-mode' cannot be 'never'", "gap, every" } },
		{ "asa-proxy,queue-memory=64", { "'queue-memory' cannot be '64'", "size" } },
		{ "meddlebox,police=5", { "'police' cannot be '5'", "a rate with its unit" } },
		{ "meddlebox,dpi-bytes=123", { "'dpi-bytes' cannot be '123'", "hexadecimal" } },
		{ "meddlebox,dpi-bytes=xx", { "'dpi-bytes' cannot be 'xx'", "1 to 15 bytes" } },
		{ "meddlebox,dpi-bytes=00112233445566778899aabbccddeeff", { "1 to 15 bytes" } },
		{ "asa-proxy,pick-up=allow", { "no option 'pick-up'", "window-squeeze" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct device_config c = { .engine.queue_limit = 77 };
		struct err err;
		bool said = parse(bad[i].text, &c, &err) < 0 && err.kind == ERR_USAGE;

		for (size_t n = 0; n < 3 && bad[i].says[n]; n++)
			said = said && strstr(err.text, bad[i].says[n]);
		if (!tap_ok(said && c.engine.queue_limit == 77, "'%s' is refused", bad[i].text))
			printf("# %s\n", err.text);
	}
}

static void check_tables(void)
{
	unsigned int good = 0, rows = 0, unlike = 0;
	const struct device_option *o;
	struct err err = { 0 };

	for (; (o = device_option(rows)); rows++)
		good += o->name && o->preset && o->devices && o->what && o->source &&
			(o->kind == OPTION_WORD	      ? o->words[0] && o->words[1]
			 : o->kind == OPTION_PREFIXES ? o->max == 0
						      : o->max > o->min) &&
			(!o->witness || middlebox_counter_ok(o->witness, &err));
	tap_is(good, rows, "each option says all that a list of them shows");
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		for (size_t n = 0; n < i; n++)
			unlike += strcmp(counter_kinds[i].name, counter_kinds[n].name) != 0;
	tap_is(unlike, COUNTER_COUNT * (COUNTER_COUNT - 1) / 2, "no two counters share a name");
}

static void check_kinds(void)
{
	struct err err = { 0 };

	for (size_t d = 0; d < DEVICE_COUNT; d++) {
		const struct device_ops *ops = device_kinds[d].ops;
		unsigned int twice = 0;

		tap_ok(!ops == (d == DEVICE_ROUTER), "how '%s' is run", device_kinds[d].name);
		for (size_t i = 0; ops && i < ops->counters_len; i++) {
			tap_ok(middlebox_counter_ok(ops->counters[i].name, &err) &&
				       ops->counters[i].what,
			       "'%s' counts %s", device_kinds[d].name, ops->counters[i].name);
			for (size_t n = 0; n < i; n++)
				twice += !strcmp(ops->counters[i].name, ops->counters[n].name);
		}
		tap_is(twice, 0, "each counter of '%s' is there once", device_kinds[d].name);
	}
	tap_ok(!middlebox_counter_ok("invalidd", &err) && err.kind == ERR_USAGE &&
		       strstr(err.text, "'invalid'"),
	       "an unknown counter is refused: %s", err.text);
	tap_ok(!middlebox_counter_ok("nothing-like-it", &err) &&
		       strstr(err.text, "list middleboxes"),
	       "one that resembles none too: %s", err.text);
}

static void check_kernel_options(void)
{
	struct device_config c = { 0 };
	struct err err = { 0 };

	tap_is(parse("conntrack,mode=liberal,loose=0,invalid=pass,tcp-timeout=1h", &c, &err), 0,
	       "options of conntrack");
	tap_ok(c.kernel.be_liberal && !c.kernel.loose && !c.kernel.drop_invalid &&
		       c.kernel.established_ns == 3600 * NS_PER_S &&
		       c.kernel.unacknowledged_ns == 300 * NS_PER_S,
	       "each has its value, the others the kernel's defaults");
	tap_is(parse("nat,remap=port,remap-every=30s", &c, &err), 0, "options of nat");
	tap_ok(c.kernel.remap == NAT_REMAP_PORT && c.kernel.remap_at_ns == 20 * NS_PER_S &&
		       c.kernel.remap_every_ns == 30 * NS_PER_S && c.kernel.loose,
	       "first after 20 s, then every 30 s");
	tap_is(parse("synproxy", &c, &err), 0, "synproxy");
	tap_ok(!c.kernel.loose && c.kernel.mss == 1460, "it is not loose");
	tap_is(parse("nat,remap=off", &c, &err), 0, "nat without a remap");
	tap_ok(parse("nat,remap-at=5s", &c, &err) == -1 && strstr(err.text, "without 'remap'") &&
		       parse("nat,remap=off,remap-every=5s", &c, &err) == -1,
	       "a time of none is refused: %s", err.text);
	tap_is(parse("relay,mss=87", &c, &err), -1, "an MSS that the kernel does not take");
	tap_is(parse("relay,tcp-timeout=1h", &c, &err), -1, "relay tracks no connections");
}

int main(void)
{
	check_kinds();
	check_kernel_options();
	check_defaults();
	check_given();
	check_errors();
	check_tables();
	return tap_done();
}
