/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's connection tracking, as conntrack, nat and synproxy use it: its sysctls,
 * which are options of these devices, and what it counts.
 */
#ifndef DUPACK_MIDDLEBOX_TRACKING_H
#define DUPACK_MIDDLEBOX_TRACKING_H

#include <jansson.h>

struct err;
struct kernel_config;

/** The table of our rules, in every device that has some. */
#define TRACKING_TABLE "dupack"

/** Rows of a table of counters: what /proc/net/stat/nf_conntrack says. */
#define TRACKING_COUNTERS                                                                          \
	{ .name = "ct-found", .what = "look-ups that found a connection with another hash" },      \
		{ .name = "ct-invalid", .what = "packets that belong to no connection" },          \
		{ .name = "ct-insert-failed",                                                      \
		  .drop = true,                                                                    \
		  .what = "connections that met another with the same addresses" },                \
		{ .name = "ct-drop",                                                               \
		  .drop = true,                                                                    \
		  .what = "packets without room for their connection" },                           \
		{ .name = "ct-early-drop", .what = "connections removed to make room" },           \
	{                                                                                          \
		.name = "ct-connections", .what = "connections in the table at the end"            \
	}

int tracking_pin(const struct kernel_config *config, json_t *record, struct err *err);
int tracking_read(json_t *counters, struct err *err);
int tracking_stat(const char *file, const char *const *columns, const char *const *names,
		  json_t *counters, struct err *err);

#endif
