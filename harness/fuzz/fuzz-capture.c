// SPDX-License-Identifier: Apache-2.0
/*
 * Anybody's capture: the reader, the packet decoder, the TCP tracker and the
 * comparison of two ends.  The input is a pcapng or pcap file; its inbound
 * frames are one end of a link and the others the other one.
 */
#include <string.h>

#include "base/err.h"
#include "decode/match.h"
#include "decode/packet.h"
#include "decode/tcp.h"
#include "decode/trace.h"
#include "fuzz/fuzz.h"

/* What a decoder gives lies in the frame that it got */
static void check_packet(const struct trace_frame *f)
{
	const struct packet *p = &f->packet;
	const uint8_t *end = f->bytes + f->len;

	if (!f->parsed)
		return;
	FUZZ_CHECK(p->ip >= f->bytes && p->ip + p->ip_len <= end);
	if (p->l4)
		FUZZ_CHECK(p->l4 >= p->ip && p->l4 + p->l4_len <= p->ip + p->ip_len);
	if (p->l4 && p->payload)
		FUZZ_CHECK(p->payload >= p->l4 && p->payload + p->payload_len <= p->l4 + p->l4_len);
	if (p->tcp)
		packet_l4_checksum(p);
}

static void check_tcp(const struct trace *t)
{
	struct tcp_trace tcp;

	tcp_track(t, &tcp);
	tcp_trace_release(&tcp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct trace trace = { 0 };
	struct match match = { 0 };
	struct err err = { 0 };

	if (trace_read(data, len, &trace, &err)) {
		FUZZ_CHECK(err.text[0]);
	} else {
		for (size_t i = 0; i < trace.len; i++)
			check_packet(&trace.frames[i]);
		check_tcp(&trace);
		if (match_link(&trace, &trace, UINT64_MAX, &match) == 0)
			match_release(&match);
		memset(&match, 0, sizeof(match));
		if (match_node(&trace, &trace, &match) == 0)
			match_release(&match);
	}
	trace_release(&trace);
	return 0;
}
