// SPDX-License-Identifier: Apache-2.0
/*
 * Reading captures.  Pure: the caller has the bytes, and keeps them as long as the
 * trace.  A file that is damaged gives the frames before the damage and an error
 * with its place.  Blocks that are not known are skipped, as the format wants it.
 */
#include "decode/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define NS 1000000000ULL

enum link_type {
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276
};

enum block {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6
};

enum { OPTION_TSRESOL = 9, OPTION_FLAGS = 2 };

struct interface {
	uint16_t link;
	uint64_t per_second; /* units of its time stamps */
	uint32_t snaplen; /* 0: no limit */
};

#define INTERFACES_MAX 64
#define SECTION_MIN    28U /* bytes of a section header without options */

struct reader {
	const uint8_t *bytes;
	size_t len, at;
	bool swap;
	struct interface interfaces[INTERFACES_MAX];
	size_t interfaces_len;
	struct trace *trace;
};

static uint16_t get16(const struct reader *r, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct reader *r, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? __builtin_bswap32(v) : v;
}

static int damaged(const struct reader *r, const char *what, struct err *err)
{
	return err_set(err, 0, "not a sound capture: %s at byte %zu", what, r->at);
}

/* A frame of a link that is not known is a frame, but nothing is known of it */
static bool parse(uint16_t link, const uint8_t *bytes, size_t len, struct packet *ret)
{
	size_t header = link == LINK_SLL ? 16 : link == LINK_SLL2 ? 20 : 0;

	if (link == LINK_ETHERNET)
		return packet_parse_frame(bytes, len, ret);
	if (len < header || (!header && link != LINK_RAW && link != LINK_IPV4 && link != LINK_IPV6))
		return false;
	return packet_parse_ip(bytes + header, len - header, ret);
}

static int add(struct reader *r, const struct interface *in, uint64_t t_ns, size_t at, size_t len,
	       enum trace_direction direction, struct err *err)
{
	struct trace *t = r->trace;
	struct trace_frame *f;

	if (t->len == t->room) {
		size_t room = t->room ? t->room * 2 : 256;
		struct trace_frame *more = realloc(t->frames, room * sizeof(*more));

		if (!more)
			return err_set(err, ENOMEM, "cannot read a capture");
		t->frames = more;
		t->room = room;
	}
	f = &t->frames[t->len++];
	*f = (struct trace_frame){
		.t_ns = t_ns, .bytes = r->bytes + at, .len = len, .direction = direction
	};
	f->parsed = parse(in->link, f->bytes, len, &f->packet);
	return 0;
}

/* --- pcapng ------------------------------------------------------------------- */

/* The value of an option, or NULL; options end at @end or at option 0 */
static const uint8_t *option(const struct reader *r, size_t at, size_t end, uint16_t code,
			     size_t min)
{
	while (end - at >= 4) {
		uint16_t kind = get16(r, r->bytes + at), len = get16(r, r->bytes + at + 2);

		if (kind == 0 || len > end - at - 4)
			return NULL;
		if (kind == code)
			return len >= min ? r->bytes + at + 4 : NULL;
		at += 4 + ((len + 3U) & ~3U);
		if (at > end)
			return NULL;
	}
	return NULL;
}

/* if_tsresol: a negative power of 10, or of 2 if the first bit is set */
static uint64_t resolution(const uint8_t *tsresol)
{
	uint64_t n = 1;

	if (!tsresol)
		return 1000000;
	for (int i = 0; i < (*tsresol & 0x7f); i++)
		if (__builtin_mul_overflow(n, *tsresol & 0x80 ? 2U : 10U, &n))
			return 0; /* finer than can be counted: no time is known */
	return n;
}

static uint64_t to_ns(uint64_t t, uint64_t per_second)
{
	if (!per_second)
		return 0;
	return (uint64_t)((unsigned __int128)t * NS / per_second);
}

static int section(struct reader *r, struct err *err)
{
	uint32_t magic;

	if (r->len - r->at < SECTION_MIN)
		return damaged(r, "a section header is cut short", err);
	memcpy(&magic, r->bytes + r->at + 8, sizeof(magic));
	if (magic != 0x1a2b3c4d && magic != 0x4d3c2b1a)
		return damaged(r, "a section header has no byte-order magic", err);
	r->swap = magic == 0x4d3c2b1a;
	r->interfaces_len = 0;
	return 0;
}

static int interface(struct reader *r, size_t body, size_t end, struct err *err)
{
	if (end - body < 8)
		return damaged(r, "an interface description is cut short", err);
	if (r->interfaces_len == INTERFACES_MAX)
		return damaged(r, "too many interfaces", err);
	r->interfaces[r->interfaces_len++] = (struct interface){
		.link = get16(r, r->bytes + body),
		.per_second = resolution(option(r, body + 8, end, OPTION_TSRESOL, 1)),
		.snaplen = get32(r, r->bytes + body + 4),
	};
	return 0;
}

static int enhanced(struct reader *r, size_t body, size_t end, struct err *err)
{
	const uint8_t *p = r->bytes + body, *flags;
	uint32_t id, len;
	uint64_t t;

	if (end - body < 20)
		return damaged(r, "a packet block is cut short", err);
	id = get32(r, p);
	len = get32(r, p + 12);
	if (id >= r->interfaces_len)
		return damaged(r, "a packet of an interface that is not described", err);
	if (len > end - body - 20)
		return damaged(r, "a packet is longer than its block", err);
	t = (uint64_t)get32(r, p + 4) << 32 | get32(r, p + 8);
	flags = option(r, body + 20 + ((len + 3U) & ~3U), end, OPTION_FLAGS, 4);
	return add(r, &r->interfaces[id], to_ns(t, r->interfaces[id].per_second), body + 20, len,
		   flags ? (enum trace_direction)(get32(r, flags) & 3) % 3 : TRACE_UNKNOWN, err);
}

/* It has the original length alone: what was captured of it is what snaplen allows */
static int simple(struct reader *r, size_t body, size_t end, struct err *err)
{
	uint32_t len;

	if (end - body < 4)
		return damaged(r, "a simple packet block is cut short", err);
	if (r->interfaces_len == 0)
		return damaged(r, "a packet of an interface that is not described", err);
	len = get32(r, r->bytes + body);
	if (r->interfaces[0].snaplen && len > r->interfaces[0].snaplen)
		len = r->interfaces[0].snaplen;
	if (len > end - body - 4)
		return damaged(r, "a packet is longer than its block", err);
	return add(r, &r->interfaces[0], 0, body + 4, len, TRACE_UNKNOWN, err);
}

static int block(struct reader *r, struct err *err)
{
	uint32_t type, len;
	size_t body, end;

	if (r->len - r->at < 12)
		return damaged(r, "a block is cut short", err);
	type = get32(r, r->bytes + r->at);
	if (type == BLOCK_SECTION && section(r, err))
		return -1;
	len = get32(r, r->bytes + r->at + 4);
	if (len < (type == BLOCK_SECTION ? SECTION_MIN : 12) || len % 4 || len > r->len - r->at)
		return damaged(r, "a block has a length that cannot be", err);
	body = r->at + 8;
	end = r->at + len - 4;
	if (get32(r, r->bytes + end) != len)
		return damaged(r, "a block has another length at its end", err);
	if ((type == BLOCK_INTERFACE && interface(r, body, end, err)) ||
	    (type == BLOCK_ENHANCED && enhanced(r, body, end, err)) ||
	    (type == BLOCK_SIMPLE && simple(r, body, end, err)))
		return -1;
	r->at += len;
	return 0;
}

/* --- classic pcap --------------------------------------------------------------- */

static int classic(struct reader *r, bool nanoseconds, struct err *err)
{
	struct interface in;

	if (r->len < 24)
		return damaged(r, "the file header is cut short", err);
	in.link = (uint16_t)get32(r, r->bytes + 20);
	in.per_second = nanoseconds ? NS : 1000000;
	for (r->at = 24; r->at < r->len;) {
		const uint8_t *p = r->bytes + r->at;
		uint32_t len;

		if (r->len - r->at < 16)
			return damaged(r, "a packet header is cut short", err);
		len = get32(r, p + 8);
		if (len > r->len - r->at - 16)
			return damaged(r, "a packet is cut short", err);
		if (add(r, &in, get32(r, p) * NS + to_ns(get32(r, p + 4), in.per_second),
			r->at + 16, len, TRACE_UNKNOWN, err))
			return -1;
		r->at += 16 + (size_t)len;
	}
	return 0;
}

/**
 * trace_read() - Read a capture
 * @bytes:	The file; must stay as long as the trace
 * @len:	Its length
 * @ret:	Filled in, also on failure with what comes before the damage; give it to
 *		trace_release()
 * @err:	Set if the file is not a capture, or is damaged: says at which byte
 *
 * Return: 0 or -1
 */
int trace_read(const uint8_t *bytes, size_t len, struct trace *ret, struct err *err)
{
	struct reader r = { .bytes = bytes, .len = len, .trace = ret };
	uint32_t magic = 0;

	*ret = (struct trace){ 0 };
	if (len >= 4)
		memcpy(&magic, bytes, sizeof(magic));
	r.swap = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	if (r.swap)
		magic = __builtin_bswap32(magic);
	if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d)
		return classic(&r, magic == 0xa1b23c4d, err);
	if (magic != BLOCK_SECTION)
		return damaged(&r, "neither pcap nor pcapng", err);
	while (r.at < r.len)
		if (block(&r, err))
			return -1;
	return 0;
}

/** trace_release() - Free the frames; idempotent */
void trace_release(struct trace *t)
{
	free(t->frames);
	*t = (struct trace){ 0 };
}
