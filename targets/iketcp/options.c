// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "carrier.h"

#define VALUE_MAX 32

static bool take_port(const char *value, struct profile *p)
{
	uint64_t n;

	if (units_count(value, &n) || n < 1 || n > 65535)
		return false;
	p->port = (uint16_t)n;
	return true;
}

static bool take_inner(const char *value, struct profile *p)
{
	p->inner_esp = strcmp(value, "esp") == 0;
	return p->inner_esp || strcmp(value, "udp") == 0;
}

/* "5", or with its unit: "5s", "500ms" */
static bool take_user_timeout(const char *value, struct profile *p)
{
	uint64_t n;

	if (units_count(value, &n) == 0 && n <= 86400) {
		p->user_timeout_ns = n * NS_PER_S;
		return true;
	}
	return units_duration(value, &p->user_timeout_ns) == 0 &&
	       p->user_timeout_ns <= 86400 * NS_PER_S;
}

static const struct {
	const char *name, *help;
} faults[] = {
	[FAULT_NONE] = { "none", "the stream is as RFC 9329 has it" },
	[FAULT_NO_RECONNECT] = { "no-reconnect", "a connection that is lost is the last" },
	[FAULT_PREFIX_ONCE] = { "prefix-once", "only the first connection begins with the prefix" },
	[FAULT_FORGETS_PARTIAL] = { "forgets-partial",
				    "a message that did not come in one piece is forgotten" },
	[FAULT_ONE_A_READ] = { "one-a-read", "of messages that come together the first is taken" },
};
static_assert(ARRAY_SIZE(faults) == FAULTS, "every fault has a name");

static bool take_fault(const char *value, struct profile *p)
{
	for (int i = 0; i < FAULTS; i++)
		if (strcmp(value, faults[i].name) == 0) {
			p->fault = (enum fault)i;
			return true;
		}
	return false;
}

static const struct {
	const char *key;
	bool (*take)(const char *value, struct profile *p);
	const char *values, *help;
} rows[] = {
	{ "port", take_port, "N", "TCP port of the head-end (4500)" },
	{ "inner", take_inner, "udp|esp",
	  "how the local stacks send their ESP, and at which port a head-end's hears IKE first (udp)" },
	{ "user-timeout", take_user_timeout, "SECONDS",
	  "how long sent bytes may stay unacknowledged; 0: as long as the kernel likes (30)" },
	{ "fault", take_fault, "NAME", "what is wrong, see below (none)" },
};

/** options_default() - What holds without options */
void options_default(struct profile *p)
{
	*p = (struct profile){ .port = PORT_NATT, .user_timeout_ns = 30 * NS_PER_S };
}

/** options_help() - One line for each option, and for each fault */
void options_help(FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fprintf(out, "  %s=%s: %s\n", rows[i].key, rows[i].values, rows[i].help);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		fprintf(out, "  fault=%s: %s\n", faults[i].name, faults[i].help);
}

static int parse_one(const char *item, size_t len, struct profile *p, struct err *err)
{
	const char *equals = memchr(item, '=', len);
	size_t key_len = equals ? (size_t)(equals - item) : len;
	size_t value_len = equals ? len - key_len - 1 : 0;
	char value[VALUE_MAX] = "";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strlen(rows[i].key) != key_len || memcmp(rows[i].key, item, key_len) != 0)
			continue;
		if (value_len < sizeof(value))
			memcpy(value, item + len - value_len, value_len);
		if (rows[i].take(value, p))
			return 0;
		return err_set_kind(err, ERR_USAGE, "option '%.*s': write '%s=%s'", (int)len, item,
				    rows[i].key, rows[i].values);
	}
	return err_set_kind(err, ERR_USAGE, "unknown option '%.*s' (see --help)", (int)len, item);
}

/**
 * options_parse() - Take over options into a profile
 * @text:	"key=value,key=value", may be empty
 * @p:		Changed
 * @err:	ERR_USAGE for what is unknown or out of range
 *
 * Return: 0 or -1
 */
int options_parse(const char *text, struct profile *p, struct err *err)
{
	while (*text) {
		size_t len = strcspn(text, ",");

		if (len && parse_one(text, len, p, err))
			return -1;
		text += len;
		text += *text == ',';
	}
	return 0;
}
