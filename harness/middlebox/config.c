// SPDX-License-Identifier: Apache-2.0
/*
 * Choices into configurations.  A default is written in its table as a user
 * would write it and goes through the same parser, so it is said once.
 */
#include "middlebox/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "middlebox/middlebox.h"
#include "spec/name.h"

static const char model[] = "assumption of this model";
static const char linux_conntrack[] = "Linux Documentation/networking/nf_conntrack-sysctl.rst";

const struct device_kind device_kinds[DEVICE_COUNT] = {
	[DEVICE_ROUTER] = { "router", "no stateful device: the node only routes", model, NULL },
	[DEVICE_ASA] = { "asa", "checks TCP and normalises it; passes it out of order, untouched",
			 "ASA configuration guide, TCP normalizer", &device_ops_engine },
	[DEVICE_PROXY] = { "asa-proxy",
			   "keeps TCP in order and acknowledges behind holes, segments preserved",
			   "Cisco document 113578; ASA configuration guide, TCP normalizer",
			   &device_ops_engine },
	[DEVICE_BYPASS] = { "asa-bypass", "tcp-state-bypass: TCP passes unchecked",
			    "ASA configuration guide, TCP state bypass", &device_ops_engine },
	[DEVICE_CONNTRACK] = { "conntrack", "the kernel's connection tracking, as a firewall",
			       linux_conntrack, &device_ops_conntrack },
	[DEVICE_NAT] = { "nat",
			 "the kernel's NAT between the client (outside) and the rest; it can "
			 "change its bindings, as carrier-grade NATs and rebooting routers do",
			 "Linux nf_nat; RFC 4787", &device_ops_nat },
	[DEVICE_SYNPROXY] = { "synproxy",
			      "the kernel's SYNPROXY: it does the handshake before the server does",
			      "Linux nf_synproxy", &device_ops_synproxy },
	[DEVICE_RELAY] = { "relay",
			   "TCP ends here and begins again, invisibly (TPROXY): the kernel's TCP "
			   "on both halves, joined by splice; segments are not preserved",
			   "Linux Documentation/networking/tproxy.rst", &device_ops_relay },
	[DEVICE_HAPROXY] = { "haproxy", "the same by HAProxy in transparent mode, unmodified",
			     "HAProxy configuration manual, source ... usesrc",
			     &device_ops_haproxy },
	[DEVICE_MEDDLEBOX] = { "meddlebox", "passes everything, and changes what its options say",
			       "Honda et al., IMC 2011", &device_ops_engine },
};

static const struct device_option_table *const tables[] = {
	&device_options_asa,
	&device_options_kernel,
	&device_options_meddle,
};

/**
 * device_option() - The rows of all tables, one after the other
 * @index:	From 0
 *
 * Return: a row; NULL behind the last
 */
const struct device_option *device_option(size_t index)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); index -= tables[t++]->len)
		if (index < tables[t]->len)
			return &tables[t]->rows[index];
	return NULL;
}

static int set_number(const struct device_option *o, const char *text, struct device_config *ret,
		      struct err *err)
{
	static int (*const parsers[])(const char *, uint64_t *) = {
		[OPTION_COUNT] = units_count,
		[OPTION_DURATION] = units_duration,
		[OPTION_SIZE] = units_size,
		[OPTION_RATE] = units_rate,
	};
	static const char *const forms[] = {
		[OPTION_COUNT] = "a whole number",
		[OPTION_DURATION] = "a duration with its unit",
		[OPTION_SIZE] = "a size with its unit, in bytes",
		[OPTION_RATE] = "a rate with its unit, in bit/s",
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
			    o->name, text, forms[o->kind], low, high);
}

static int set_bytes(const struct device_option *o, const char *text, struct device_config *ret,
		     struct err *err)
{
	size_t digits = strspn(text, "0123456789abcdefABCDEF");
	struct meddle_pattern value = { .len = (uint8_t)(digits / 2) };

	if (text[digits] || digits % 2 || digits / 2 < o->min || digits / 2 > o->max)
		return err_set_kind(err, ERR_USAGE,
				    "option '%s' cannot be '%.60s': give %" PRIu64 " to %" PRIu64
				    " bytes as hexadecimal digits, two for each",
				    o->name, text, o->min, o->max);
	for (size_t i = 0; i < value.len; i++) {
		const char two[] = { text[2 * i], text[2 * i + 1], '\0' };

		value.bytes[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	memcpy((char *)ret + o->offset, &value, sizeof(value));
	return 0;
}

static int set_word(const struct device_option *o, const char *text, struct device_config *ret,
		    struct err *err)
{
	AUTO_FREE char *list = NULL;
	unsigned int value = 0;

	for (; o->words[value]; value++) {
		if (strcmp(o->words[value], text) != 0)
			continue;
		memcpy((char *)ret + o->offset, &value, sizeof(value));
		return 0;
	}
	list = name_list(o->words, value);
	return err_set_kind(err, ERR_USAGE, "option '%s' cannot be '%.60s': give %s", o->name, text,
			    list);
}

/* The default is a word for the empty list: "any", "none" */
static int set_list(const struct device_option *o, const char *text, struct device_config *ret,
		    struct err *err)
{
	static const struct range_list no_ranges;
	static const struct prefix_list no_prefixes;
	void *at = (char *)ret + o->offset;
	bool empty = strcmp(text, o->preset) == 0;
	int rc = 0;

	if (o->kind == OPTION_RANGES && empty)
		memcpy(at, &no_ranges, sizeof(no_ranges));
	else if (o->kind == OPTION_RANGES)
		rc = range_list_parse(text, o->min, o->max, at, err);
	else if (empty)
		memcpy(at, &no_prefixes, sizeof(no_prefixes));
	else
		rc = prefix_list_parse(text, at, err);
	return rc ? err_wrap(err, "option '%s' cannot be '%.60s'", o->name, text) : 0;
}

static int set_option(const struct device_option *o, const char *text, struct device_config *ret,
		      struct err *err)
{
	switch (o->kind) {
	case OPTION_WORD:
		return set_word(o, text, ret, err);
	case OPTION_RANGES:
	case OPTION_PREFIXES:
		return set_list(o, text, ret, err);
	case OPTION_BYTES:
		return set_bytes(o, text, ret, err);
	case OPTION_COUNT:
	case OPTION_DURATION:
	case OPTION_SIZE:
	case OPTION_RATE:
		break;
	}
	return set_number(o, text, ret, err);
}

static const struct device_option *find_option(enum device_mode mode, const char *name)
{
	const struct device_option *o;

	for (size_t i = 0; (o = device_option(i)); i++)
		if (device_has_option(mode, o) && strcmp(o->name, name) == 0)
			return o;
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
	const struct device_option *o;
	AUTO_FREE const char **names = NULL;
	AUTO_FREE char *list = NULL;
	size_t len = 0, rows = 0;

	while (device_option(rows))
		rows++;
	names = calloc(rows + 1, sizeof(*names));
	if (!names)
		return err_set(err, ENOMEM, "cannot list the options");
	for (size_t i = 0; (o = device_option(i)); i++)
		if (device_has_option(mode, o))
			names[len++] = o->name;
	if (!len)
		return err_set_kind(err, ERR_USAGE, "middlebox '%s' has no options, not '%.60s'",
				    device_kinds[mode].name, key);
	list = name_list(names, len);
	return err_set_kind(err, ERR_USAGE, "middlebox '%s' has no option '%.60s': it has %s",
			    device_kinds[mode].name, key, list);
}

/* An option that would do nothing is a mistake */
static int check_need(enum device_mode mode, const struct choice *c, const struct device_option *o,
		      struct err *err)
{
	const struct device_option *needed = o->needs ? find_option(mode, o->needs) : NULL;
	const char *value = needed ? choice_option(c, o->needs) : NULL;

	if (!needed || (value && strcmp(value, needed->preset) != 0))
		return 0;
	return err_set_kind(err, ERR_USAGE, "option '%s' does nothing without '%s': give that too",
			    o->name, o->needs);
}

/**
 * device_config_from_choice() - What a named middlebox with its options does
 * @choice:	For example "asa-proxy,queue-limit=5"
 * @ret:	Set on success; options that are not given have their defaults
 * @err:	Set on failure, ERR_USAGE: it lists the known names
 *
 * Return: 0 or -1
 */
int device_config_from_choice(const struct choice *choice, struct device_config *ret,
			      struct err *err)
{
	struct device_config config = { .mode = DEVICE_ROUTER };
	const struct device_option *o;

	while (config.mode < DEVICE_COUNT &&
	       strcmp(device_kinds[config.mode].name, choice->name) != 0)
		config.mode++;
	if (config.mode == DEVICE_COUNT)
		return unknown_device(choice, err);
	for (size_t i = 0; (o = device_option(i)); i++)
		if (device_has_option(config.mode, o) && set_option(o, o->preset, &config, err))
			return -1;
	for (size_t i = 0; i < choice->options_len; i++) {
		const struct option *given = &choice->options[i];

		o = find_option(config.mode, given->key);
		if (!o)
			return unknown_option(config.mode, given->key, err);
		if (set_option(o, given->value, &config, err) ||
		    check_need(config.mode, choice, o, err))
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
	struct device_config config;

	return device_config_from_choice(choice, &config, err) == 0;
}
