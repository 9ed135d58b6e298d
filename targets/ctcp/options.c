// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "peer.h"

#define VALUE_MAX 32

enum kind { ON_OFF, ACK_RULE, SYN_OPTIONS, INNER_FORM, NUMBER16, NUMBER32, SECONDS, FAULT };

struct row {
	const char *key;
	enum kind kind;
	size_t at; /* in struct peer_profile */
	const char *values, *help;
};

#define AT(member) offsetof(struct peer_profile, member)

static const struct row rows[] = {
	{ "port", NUMBER16, AT(port), "N", "TCP port of the head-end (10000)" },
	{ "ack", ACK_RULE, AT(ack), "max|inorder|last", "what is acknowledged (max)" },
	{ "pure-acks", ON_OFF, AT(pure_acks), "on|off", "acknowledge each segment at once (off)" },
	{ "retransmit", ON_OFF, AT(retransmit), "on|off",
	  "be a TCP sender; implies ack=inorder,pure-acks=on (off)" },
	{ "psh", ON_OFF, AT(psh), "on|off", "PSH on data (off)" },
	{ "check-cookie", ON_OFF, AT(check_cookie), "on|off", "drop what has no cookie (on)" },
	{ "syn-options", SYN_OPTIONS, AT(syn_mss), "none|mss", "options of the SYN (none)" },
	{ "inner", INNER_FORM, AT(inner), "auto|esp|udp",
	  "how the local stack sends ESP; auto: seen from it, and given both before (auto)" },
	{ "window", NUMBER16, AT(window), "N", "the window field (65535)" },
	{ "keepalive", SECONDS, AT(keepalive_ns), "SECONDS",
	  "a pure ACK after so long without sending; 0: never (0)" },
	{ "handshake-timeout", SECONDS, AT(handshake_ns), "SECONDS", "of the TCP handshake (3)" },
	{ "iss", NUMBER32, AT(iss), "N", "the initial sequence number; 0: random (0)" },
	{ "fault", FAULT, AT(fault), "NAME", "what is wrong with retransmit=on, see below (none)" },
	{ "ike-timeout", SECONDS, AT(ike_ns), "SECONDS",
	  "from there to the first ESP; 0: none (60)" },
};

static const struct {
	const char *name, *help;
} faults[] = {
	[PEER_HONEST] = { "none", "it is an honest TCP sender" },
	[PEER_OTHER_BYTES] = { "other-bytes", "what is sent again has one bit turned" },
	[PEER_BAD_CHECKSUM] = { "bad-checksum", "what is sent again has a wrong checksum" },
	[PEER_NO_BACKOFF] = { "no-backoff", "the time-out never grows" },
	[PEER_IGNORES_WINDOW] = { "ignores-window", "the window is taken to be 65535" },
	[PEER_STOPS_AT_WRAP] = { "stops-at-wrap",
				 "nothing is sent behind sequence number 4294967295" },
	[PEER_BELIEVES_RESETS] = { "believes-resets", "a RST closes whatever its sequence number" },
};
static_assert(ARRAY_SIZE(faults) == PEER_FAULTS, "every fault has a name");

/** options_help() - One line for each option, and for each fault */
void options_help(FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fprintf(out, "  %s=%s: %s\n", rows[i].key, rows[i].values, rows[i].help);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		fprintf(out, "  fault=%s: %s\n", faults[i].name, faults[i].help);
}

static bool take_fault(const char *value, enum peer_fault *ret)
{
	for (int i = 0; i < PEER_FAULTS; i++)
		if (strcmp(value, faults[i].name) == 0) {
			*ret = (enum peer_fault)i;
			return true;
		}
	return false;
}

static int word(const char *value, const char *const *words, int len)
{
	for (int i = 0; i < len; i++) {
		if (strcmp(value, words[i]) == 0)
			return i;
	}
	return -1;
}

/* "5", or with its unit: "5s", "500ms" */
static bool seconds(const char *value, uint64_t *ret_ns)
{
	uint64_t n;

	if (units_count(value, &n) == 0 && n <= 86400) {
		*ret_ns = n * NS_PER_S;
		return true;
	}
	return units_duration(value, ret_ns) == 0;
}

static bool store(const struct row *row, const char *value, void *field)
{
	static const char *const switches[] = { "off", "on" };
	static const char *const acks[] = {
		[ACK_MAX] = "max",
		[ACK_INORDER] = "inorder",
		[ACK_LAST] = "last",
	};
	static const char *const forms[] = {
		[ESP_FORM_UNKNOWN] = "auto",
		[ESP_FORM_IP] = "esp",
		[ESP_FORM_UDP] = "udp",
	};
	static const char *const syns[] = { "none", "mss" };
	uint64_t n;
	int i;

	switch (row->kind) {
	case ON_OFF:
		i = word(value, switches, ARRAY_SIZE(switches));
		*(bool *)field = i == 1;
		return i >= 0;
	case ACK_RULE:
		i = word(value, acks, ARRAY_SIZE(acks));
		*(enum ack_rule *)field = i >= 0 ? (enum ack_rule)i : ACK_MAX;
		return i >= 0;
	case SYN_OPTIONS:
		i = word(value, syns, ARRAY_SIZE(syns));
		*(uint16_t *)field = i == 1 ? CTCP_MTU - 40 : 0;
		return i >= 0;
	case INNER_FORM:
		i = word(value, forms, ARRAY_SIZE(forms));
		*(enum esp_form *)field = i >= 0 ? (enum esp_form)i : ESP_FORM_UNKNOWN;
		return i >= 0;
	case NUMBER16:
		if (units_count(value, &n) || n < 1 || n > 65535)
			return false;
		*(uint16_t *)field = (uint16_t)n;
		return true;
	case NUMBER32:
		if (units_count(value, &n) || n > UINT32_MAX)
			return false;
		*(uint32_t *)field = (uint32_t)n;
		return true;
	case SECONDS:
		return seconds(value, field);
	case FAULT:
		return take_fault(value, field);
	}
	return false;
}

static int parse_one(const char *item, size_t len, struct peer_profile *profile,
		     struct options_said *said, struct err *err)
{
	const char *equals = memchr(item, '=', len);
	size_t key_len = equals ? (size_t)(equals - item) : len;
	size_t value_len = equals ? len - key_len - 1 : 0;
	char value[VALUE_MAX] = "";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (strlen(row->key) != key_len || memcmp(row->key, item, key_len) != 0)
			continue;
		if (value_len < sizeof(value))
			memcpy(value, item + len - value_len, value_len);
		if (!store(row, value, (char *)profile + row->at))
			return err_set_kind(err, ERR_USAGE, "option '%.*s': write '%s=%s'",
					    (int)len, item, row->key, row->values);
		said->ack |= row->at == AT(ack);
		said->pure_acks |= row->at == AT(pure_acks);
		return 0;
	}
	return err_set_kind(err, ERR_USAGE, "unknown option '%.*s' (see --help)", (int)len, item);
}

/**
 * options_parse() - Take over options into a profile
 * @text:	"key=value,key=value", may be empty
 * @profile:	Changed
 * @said:	What was said outright is marked
 * @err:	ERR_USAGE for what is unknown or out of range
 *
 * Return: 0 or -1
 */
int options_parse(const char *text, struct peer_profile *profile, struct options_said *said,
		  struct err *err)
{
	while (*text) {
		size_t len = strcspn(text, ",");

		if (len && parse_one(text, len, profile, said, err))
			return -1;
		text += len;
		text += *text == ',';
	}
	return 0;
}

/** options_settle() - Fill in what retransmit=on implies: without ACKs a sender learns nothing */
void options_settle(struct peer_profile *profile, const struct options_said *said)
{
	if (!profile->retransmit)
		return;
	if (!said->ack)
		profile->ack = ACK_INORDER;
	if (!said->pure_acks)
		profile->pure_acks = true;
}
