// SPDX-License-Identifier: Apache-2.0
/* Counters of a direction as JSON: one table for both ways. */
#include "impair/counters.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
	{ "seen", offsetof(struct impair_counters, seen) },
	{ "counted", offsetof(struct impair_counters, counted) },
	{ "duplicated", offsetof(struct impair_counters, duplicated) },
	{ "corrupted", offsetof(struct impair_counters, corrupted) },
	{ "reordered", offsetof(struct impair_counters, reordered) },
	{ "delayed", offsetof(struct impair_counters, delayed) },
	{ "dropped", offsetof(struct impair_counters, dropped) },
	{ "acted", offsetof(struct impair_counters, acted) },
	{ "blocked", offsetof(struct impair_counters, blocked) },
	{ "overflow", offsetof(struct impair_counters, overflow) },
	{ "failed", offsetof(struct impair_counters, failed) },
	{ "queued", offsetof(struct impair_counters, queued) },
	{ "delivered", offsetof(struct impair_counters, delivered) },
};
static_assert(ARRAY_SIZE(fields) * sizeof(uint64_t) == sizeof(struct impair_counters),
	      "every counter has a name");

/**
 * impair_counters_to_json() - Counters as an object, a member each
 * @c:		The counters
 *
 * Return: a new reference, or NULL without memory
 */
json_t *impair_counters_to_json(const struct impair_counters *c)
{
	json_t *json = json_object();

	for (size_t n = 0; n < ARRAY_SIZE(fields); n++) {
		uint64_t value;

		memcpy(&value, (const char *)c + fields[n].offset, sizeof(value));
		json_object_set_new(json, fields[n].name,
				    value == IMPAIR_UNKNOWN ? json_null()
							    : json_integer((json_int_t)value));
	}
	return json;
}

/**
 * impair_counters_from_json() - The other way
 * @json:	What impair_counters_to_json() made
 * @ret:	Set on success
 *
 * Return: 0, or -1 with @err set
 */
int impair_counters_from_json(const json_t *json, struct impair_counters *ret, struct err *err)
{
	struct impair_counters c;

	for (size_t n = 0; n < ARRAY_SIZE(fields); n++) {
		const json_t *value = json_object_get(json, fields[n].name);
		uint64_t number =
			json_is_null(value) ? IMPAIR_UNKNOWN : (uint64_t)json_integer_value(value);

		if (!json_is_integer(value) && !json_is_null(value))
			return err_set(err, 0, "the counters of a link lack the number '%s'",
				       fields[n].name);
		memcpy((char *)&c + fields[n].offset, &number, sizeof(number));
	}
	*ret = c;
	return 0;
}
