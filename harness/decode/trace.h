/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture in memory: pcapng (draft-ietf-opsawg-pcapng) or classic pcap, of any
 * byte order, as frames in the order of the file.
 */
#ifndef DUPACK_DECODE_TRACE_H
#define DUPACK_DECODE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/packet.h"

struct err;

enum trace_direction { TRACE_UNKNOWN, TRACE_INBOUND, TRACE_OUTBOUND };

struct trace_frame {
	uint64_t t_ns;
	const uint8_t *bytes; /* of the capture's buffer */
	size_t len;
	enum trace_direction direction;
	bool parsed; /* .packet is a well-formed IP packet */
	struct packet packet;
};

struct trace {
	struct trace_frame *frames; /* owned */
	size_t len, room;
};

int trace_read(const uint8_t *bytes, size_t len, struct trace *ret, struct err *err);
void trace_release(struct trace *t);

#endif
