// SPDX-License-Identifier: Apache-2.0
/*
 * Real captures as inputs of the fuzzers that take packets: seeds KIND CAPTURE FOLDER
 * writes files named after KIND into FOLDER.  What the node sent travels down, what it
 * received travels up; the times are those of the capture.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "decode/trace.h"

#define FRAMES 40 /* of a seed: what is longer is mutated to less effect */
#define SEEDS  12 /* of a capture: its beginning says the most */

/* Time as fuzz-*.c reads it: 2^n - 1 nanoseconds */
static uint8_t exponent(uint64_t passed)
{
	uint8_t n = 0;

	while (n < 46 && (1ULL << n) - 1 < passed)
		n++;
	return n;
}

static size_t put_frame(uint8_t *to, const struct trace_frame *f, uint64_t before)
{
	size_t len = f->packet.ip_len;

	to[0] = exponent(f->t_ns - before);
	to[1] = f->direction == TRACE_OUTBOUND ? 1 : 0;
	to[2] = (uint8_t)(len >> 8);
	to[3] = (uint8_t)len;
	memcpy(to + 4, f->packet.ip, len);
	return len + 4;
}

int main(int argc, char **argv)
{
	static uint8_t out[FRAMES * 9100];
	struct trace trace = { 0 };
	struct err err = { 0 };
	AUTO_FREE char *bytes = NULL;
	size_t len, next = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: seeds KIND CAPTURE FOLDER\n");
		return 2;
	}
	bytes = io_read_file(argv[2], &len, &err);
	if (!bytes || trace_read((const uint8_t *)bytes, len, &trace, &err)) {
		fprintf(stderr, "seeds: %s\n", err.text);
		return 1;
	}
	for (uint8_t seed = 0; seed < SEEDS && next < trace.len; seed++) {
		AUTO_FREE char *path = io_printf("%s/%s-%u", argv[3], argv[1], seed);
		uint64_t before = trace.frames[next].t_ns;
		size_t used = 2;

		out[0] = seed; /* the device, or the end */
		out[1] = 0; /* no options */
		for (size_t n = 0; n < FRAMES && next < trace.len; next++) {
			const struct trace_frame *f = &trace.frames[next];

			if (!f->parsed || f->packet.ip_len > 9000)
				continue;
			used += put_frame(out + used, f, before);
			before = f->t_ns;
			n++;
		}
		if (io_write_file(path, (const char *)out, used, &err)) {
			fprintf(stderr, "seeds: %s\n", err.text);
			return 1;
		}
	}
	trace_release(&trace);
	return 0;
}
