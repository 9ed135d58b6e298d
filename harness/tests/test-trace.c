// SPDX-License-Identifier: Apache-2.0
/* Captures written here, byte by byte, in every form that the reader knows. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/prng.h"
#include "base/units.h"
#include "decode/trace.h"
#include "tests/frames.h"
#include "tests/tap.h"

#define NO_OPTION (-1)

/* A file in the making; its buffer is exact, so that ASan sees each byte too far */
struct file {
	uint8_t b[8192];
	size_t len;
	bool swap; /* the other byte order */
};

static void put16(struct file *f, uint16_t v)
{
	v = f->swap ? __builtin_bswap16(v) : v;
	memcpy(f->b + f->len, &v, 2);
	f->len += 2;
}

static void put32(struct file *f, uint32_t v)
{
	v = f->swap ? __builtin_bswap32(v) : v;
	memcpy(f->b + f->len, &v, 4);
	f->len += 4;
}

static void put(struct file *f, const void *bytes, size_t len)
{
	memcpy(f->b + f->len, bytes, len);
	f->len += len;
}

static void pad(struct file *f)
{
	while (f->len % 4)
		f->b[f->len++] = 0xee; /* what padding holds is not said */
}

static size_t begin(struct file *f, uint32_t type)
{
	put32(f, type);
	put32(f, 0);
	return f->len - 8;
}

static void end(struct file *f, size_t at)
{
	size_t here;

	put32(f, (uint32_t)(f->len + 4 - at));
	here = f->len;
	f->len = at + 4;
	put32(f, (uint32_t)(here - at));
	f->len = here;
}

static void section(struct file *f)
{
	size_t at = begin(f, 0x0a0d0d0a);

	put32(f, 0x1a2b3c4d);
	put16(f, 1);
	put16(f, 0);
	put32(f, UINT32_MAX);
	put32(f, UINT32_MAX);
	end(f, at);
}

static void interface(struct file *f, uint16_t link, uint32_t snaplen, int tsresol)
{
	size_t at = begin(f, 1);

	put16(f, link);
	put16(f, 0);
	put32(f, snaplen);
	put16(f, 2); /* a name, of a length that needs padding */
	put16(f, 3);
	put(f, "abc", 3);
	pad(f);
	if (tsresol != NO_OPTION) {
		uint8_t value = (uint8_t)tsresol;

		put16(f, 9);
		put16(f, 1);
		put(f, &value, 1);
		pad(f);
	}
	put32(f, 0);
	end(f, at);
}

static void enhanced(struct file *f, uint32_t id, uint64_t t, const void *bytes, size_t len,
		     int flags)
{
	size_t at = begin(f, 6);

	put32(f, id);
	put32(f, (uint32_t)(t >> 32));
	put32(f, (uint32_t)t);
	put32(f, (uint32_t)len);
	put32(f, (uint32_t)len);
	put(f, bytes, len);
	pad(f);
	if (flags != NO_OPTION) {
		put16(f, 1); /* a comment before it */
		put16(f, 1);
		put(f, "x", 1);
		pad(f);
		put16(f, 2);
		put16(f, 4);
		put32(f, (uint32_t)flags);
		put32(f, 0);
	}
	end(f, at);
}

static void unknown(struct file *f)
{
	size_t at = begin(f, 0x80000bad);

	put(f, "anything", 8);
	end(f, at);
}

static void simple(struct file *f, uint32_t original, const void *bytes, size_t len)
{
	size_t at = begin(f, 3);

	put32(f, original);
	put(f, bytes, len);
	pad(f);
	end(f, at);
}

static int read_exactly(const struct file *f, size_t len, struct trace *ret, uint8_t **ret_copy,
			struct err *err)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, f->b, len);
	*ret_copy = copy;
	err_clear(err);
	return trace_read(copy, len, ret, err);
}

/* --- pcapng ------------------------------------------------------------------- */

static size_t ether(uint8_t *frame)
{
	return frame_tcp(frame, &(struct frame_tcp){ .seq = 77, .len = 9 });
}

static void test_byte_orders(void)
{
	for (int swap = 0; swap < 2; swap++) {
		struct file f = { .swap = swap };
		AUTO_FREE uint8_t *copy = NULL;
		uint8_t frame[FRAME_MAX];
		size_t len = ether(frame);
		struct err err = { 0 };
		struct trace t;

		section(&f);
		interface(&f, 1, 0, 9);
		unknown(&f);
		interface(&f, 101, 0, NO_OPTION);
		enhanced(&f, 0, 5 * NS_PER_S + 7, frame, len, 1);
		unknown(&f);
		enhanced(&f, 1, 3000001, frame + FRAME_HEADER, len - FRAME_HEADER, 2);
		enhanced(&f, 0, 1ULL << 60, "?", 1, NO_OPTION);
		enhanced(&f, 0, 0, frame, len, 3);
		tap_is(read_exactly(&f, f.len, &t, &copy, &err), 0, "order %d: read %s", swap,
		       err.text);
		tap_is(t.len, 4, "order %d: all frames, and no other block", swap);
		tap_is(t.frames[0].t_ns, 5 * NS_PER_S + 7, "order %d: nanoseconds", swap);
		tap_is(t.frames[1].t_ns, 3 * NS_PER_S + 1000, "order %d: microseconds by default",
		       swap);
		tap_is(t.frames[2].t_ns, 1LL << 60, "order %d: a late time", swap);
		tap_is(t.frames[0].direction, TRACE_INBOUND, "order %d: inbound", swap);
		tap_is(t.frames[1].direction, TRACE_OUTBOUND, "order %d: outbound", swap);
		tap_is(t.frames[2].direction, TRACE_UNKNOWN, "order %d: no flags", swap);
		tap_is(t.frames[3].direction, TRACE_UNKNOWN, "order %d: flags of no meaning", swap);
		tap_ok(t.frames[0].parsed && t.frames[0].packet.seq == 77, "order %d: Ethernet",
		       swap);
		tap_ok(t.frames[1].parsed && t.frames[1].packet.seq == 77, "order %d: raw IP",
		       swap);
		tap_ok(!t.frames[2].parsed, "order %d: one byte is no packet", swap);
		trace_release(&t);
	}
}

static void test_sections(void)
{
	struct file f = { 0 };
	AUTO_FREE uint8_t *copy = NULL;
	struct err err = { 0 };
	struct trace t;

	section(&f);
	interface(&f, 1, 0, 9);
	enhanced(&f, 0, 1, "a", 1, NO_OPTION);
	f.swap = true;
	section(&f);
	interface(&f, 1, 0, 6);
	enhanced(&f, 0, 1, "b", 1, NO_OPTION);
	tap_is(read_exactly(&f, f.len, &t, &copy, &err), 0, "two sections, of both orders %s",
	       err.text);
	tap_ok(t.len == 2 && t.frames[0].t_ns == 1 && t.frames[1].t_ns == 1000,
	       "each has its own interfaces");
	trace_release(&t);
}

static void test_resolutions(void)
{
	static const struct {
		int tsresol;
		uint64_t in, out;
	} table[] = {
		{ 0, 3, 3 * NS_PER_S },
		{ 3, 1500, 1500 * NS_PER_MS },
		{ 6, 1700000000000001, 1700000000000001000 },
		{ 9, 1700000000000000001, 1700000000000000001 },
		{ 12, 1700000000000000999, 1700000000000000 },
		{ 19, 10000000000000000000U, NS_PER_S },
		{ 0x80, 2, 2 * NS_PER_S },
		{ 0x80 | 10, 1536, 1500 * NS_PER_MS },
		{ 0x80 | 32, 1ULL << 31, NS_PER_S / 2 },
		{ 0x80 | 63, 1ULL << 62, NS_PER_S / 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct file f = { 0 };
		AUTO_FREE uint8_t *copy = NULL;
		struct err err = { 0 };
		struct trace t;

		section(&f);
		interface(&f, 1, 0, table[i].tsresol);
		enhanced(&f, 0, table[i].in, "", 0, NO_OPTION);
		read_exactly(&f, f.len, &t, &copy, &err);
		tap_is(t.len ? t.frames[0].t_ns : 0, table[i].out, "resolution %#x",
		       (unsigned)table[i].tsresol);
		trace_release(&t);
	}
}

static void test_simple(void)
{
	struct file f = { 0 };
	AUTO_FREE uint8_t *copy = NULL;
	uint8_t frame[FRAME_MAX];
	size_t len = ether(frame);
	struct err err = { 0 };
	struct trace t;

	section(&f);
	interface(&f, 1, 30, 9);
	simple(&f, 5, frame, 5);
	simple(&f, (uint32_t)len, frame, 30);
	tap_is(read_exactly(&f, f.len, &t, &copy, &err), 0, "simple packets %s", err.text);
	tap_is(t.len ? t.frames[0].len : 0, 5, "one without its padding");
	tap_is(t.len > 1 ? t.frames[1].len : 0, 30, "one cut short by snaplen, without padding");
	tap_ok(t.len > 1 && !t.frames[1].parsed, "it is not taken for a whole packet");
	trace_release(&t);
}

/* --- link types, snaplen ----------------------------------------------------------- */

static void test_links(void)
{
	static const struct {
		uint16_t link;
		size_t header;
		bool parsed;
	} table[] = {
		{ 1, 14, true },   { 101, 0, true },	{ 113, 16, true },  { 228, 0, true },
		{ 229, 0, true },  { 276, 20, true },	{ 113, 15, false }, { 276, 16, false },
		{ 105, 0, false }, { 65535, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		for (int version = 4; version <= 6; version += 2) {
			struct file f = { 0 };
			AUTO_FREE uint8_t *copy = NULL;
			uint8_t frame[FRAME_MAX], bytes[FRAME_MAX] = { 0 };
			size_t len = frame_tcp(frame,
					       &(struct frame_tcp){ .version = version, .len = 3 });
			struct err err = { 0 };
			struct trace t;

			if (table[i].link == 1)
				memcpy(bytes, frame, FRAME_HEADER);
			memcpy(bytes + table[i].header, frame + FRAME_HEADER, len - FRAME_HEADER);
			section(&f);
			interface(&f, table[i].link, 0, 9);
			enhanced(&f, 0, 0, bytes, table[i].header + len - FRAME_HEADER, NO_OPTION);
			read_exactly(&f, f.len, &t, &copy, &err);
			tap_ok(t.len == 1 && t.frames[0].parsed == table[i].parsed &&
				       t.frames[0].packet.tcp == table[i].parsed,
			       "link type %u, header of %zu, IPv%d: %s", table[i].link,
			       table[i].header, version, table[i].parsed ? "read" : "not read");
			trace_release(&t);
		}
}

static void test_snaplen(void)
{
	uint8_t frame[FRAME_MAX];
	size_t len = ether(frame), parsed = 0;

	for (size_t cut = 0; cut < len; cut++) {
		struct file f = { 0 };
		AUTO_FREE uint8_t *copy = NULL;
		struct err err = { 0 };
		struct trace t;

		section(&f);
		interface(&f, 1, (uint32_t)cut, 9);
		enhanced(&f, 0, 0, frame, cut, NO_OPTION);
		if (read_exactly(&f, f.len, &t, &copy, &err) || t.len != 1)
			tap_ok(false, "a frame of %zu bytes: %s", cut, err.text);
		parsed += t.len && t.frames[0].parsed;
		trace_release(&t);
	}
	tap_is(parsed, 0, "a frame that snaplen cut is a frame, and not parsed");
}

/* --- classic pcap -------------------------------------------------------------------- */

static void classic(struct file *f, uint32_t magic, uint32_t link)
{
	put32(f, magic);
	put16(f, 2);
	put16(f, 4);
	put32(f, 0);
	put32(f, 0);
	put32(f, 65535);
	put32(f, link);
}

static void record(struct file *f, uint32_t s, uint32_t fraction, const void *bytes, size_t len)
{
	put32(f, s);
	put32(f, fraction);
	put32(f, (uint32_t)len);
	put32(f, (uint32_t)len + 100);
	put(f, bytes, len);
}

static void test_classic(void)
{
	for (int kind = 0; kind < 4; kind++) {
		struct file f = { .swap = kind & 1 };
		AUTO_FREE uint8_t *copy = NULL;
		uint8_t frame[FRAME_MAX];
		size_t len = ether(frame);
		struct err err = { 0 };
		struct trace t;

		classic(&f, kind & 2 ? 0xa1b23c4d : 0xa1b2c3d4, 1);
		record(&f, 1700000000, 999999, frame, len);
		record(&f, UINT32_MAX, 1, "x", 1);
		tap_is(read_exactly(&f, f.len, &t, &copy, &err), 0, "pcap, form %d %s", kind,
		       err.text);
		tap_ok(t.len == 2 && t.frames[0].parsed && !t.frames[1].parsed,
		       "form %d: two frames", kind);
		tap_is(t.len ? t.frames[0].t_ns : 0,
		       1700000000 * NS_PER_S + (kind & 2 ? 999999 : 999999000), "form %d: the time",
		       kind);
		tap_is(t.len ? t.frames[0].direction : 0, TRACE_UNKNOWN, "form %d: no direction",
		       kind);
		trace_release(&t);
	}
}

/* --- damage ---------------------------------------------------------------------------- */

/* Cut at each byte: the frames before it, and an error unless it is a boundary */
static void test_cut(const char *what, const struct file *f, const size_t *bounds, size_t n)
{
	size_t wrong = 0;

	for (size_t cut = 0; cut <= f->len; cut++) {
		AUTO_FREE uint8_t *copy = NULL;
		char place[64] = "";
		struct err err = { 0 };
		struct trace t;
		int rc = read_exactly(f, cut, &t, &copy, &err);
		size_t last = 0, frames = 0;
		bool boundary = false;

		for (size_t i = 0; i < n; i++)
			if (bounds[i] <= cut) {
				last = bounds[i];
				boundary = bounds[i] == cut;
				frames = i > 1 ? i - 1 : 0;
			}
		snprintf(place, sizeof(place), " at byte %zu", last);
		if (t.len != frames || (rc == 0) != (boundary && cut > 0) ||
		    (rc && !strstr(err.text, place))) {
			printf("# cut at %zu: %zu frames of %zu, %d '%s'\n", cut, t.len, frames, rc,
			       err.text);
			wrong++;
		}
		trace_release(&t);
	}
	tap_is(wrong, 0, "%s cut at each of %zu bytes", what, f->len);
}

static void test_truncation(void)
{
	struct file ng = { 0 }, old = { 0 };
	uint8_t frame[FRAME_MAX];
	size_t len = ether(frame), bounds[6] = { 0 };

	section(&ng);
	bounds[0] = ng.len;
	interface(&ng, 1, 0, 9);
	bounds[1] = ng.len;
	for (int i = 0; i < 3; i++) {
		enhanced(&ng, 0, 1, frame, len, 1);
		bounds[2 + i] = ng.len;
	}
	test_cut("pcapng", &ng, bounds, 5);

	classic(&old, 0xa1b2c3d4, 1);
	bounds[0] = bounds[1] = old.len;
	for (int i = 0; i < 3; i++) {
		record(&old, 1, 1, frame, len);
		bounds[2 + i] = old.len;
	}
	/* before the end of the header nothing has a place but the file */
	for (size_t cut = 0, wrong = 0; cut <= 24; cut++) {
		AUTO_FREE uint8_t *copy = NULL;
		struct err err = { 0 };
		struct trace t;
		int rc = read_exactly(&old, cut, &t, &copy, &err);

		wrong += (rc == 0) != (cut == 24) || t.len;
		trace_release(&t);
		if (cut == 24)
			tap_is(wrong, 0, "a pcap header cut at each byte is an error");
	}
	test_cut("pcap", &old, bounds, 5);
}

/* One wrong number at a time */
static void test_numbers(void)
{
	static const struct {
		const char *what;
		size_t at;
		uint32_t value;
		const char *why; /* NULL: no matter */
	} table[] = {
		{ "a length of 0", 4, 0, "length" },
		{ "a length of 8", 4, 8, "length" },
		{ "a section of 12 bytes", 4, 12, "length" },
		{ "a length that is not a multiple of 4", 4, 29, "length" },
		{ "a length of 4 GB", 4, 0xfffffffc, "length" },
		{ "another length at the end", 24, 32, "length" },
		{ "no byte order", 8, 1, "byte-order" },
		{ "an interface that is not there", 68 + 8, 1, "interface" },
		{ "an interface that is not there, by far", 68 + 8, UINT32_MAX, "interface" },
		{ "a packet longer than its block", 68 + 20, 17, "longer" },
		{ "a packet longer than memory", 68 + 20, UINT32_MAX, "longer" },
		{ "an interface option longer than its block", 28 + 16, 0xffff0002, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct file f = { 0 };
		AUTO_FREE uint8_t *copy = NULL;
		struct err err = { 0 };
		struct trace t;
		int rc;

		section(&f); /* 28 bytes */
		interface(&f, 1, 0, 9); /* 40 bytes */
		if (f.len != 68)
			abort();
		enhanced(&f, 0, 1, "0123456789abcde", 15, NO_OPTION);
		memcpy(f.b + table[i].at, &table[i].value, 4);
		rc = read_exactly(&f, f.len, &t, &copy, &err);
		tap_ok(table[i].why ? rc < 0 && strstr(err.text, table[i].why) : rc == 0, "%s: %s",
		       table[i].what, err.text);
		trace_release(&t);
	}
}

static void test_empty(void)
{
	static const struct file text = { .b = "not a capture at all, but a text", .len = 32 };
	AUTO_FREE uint8_t *none = NULL, *copy = NULL;
	struct err err = { 0 };
	struct trace t;

	tap_ok(read_exactly(&text, 0, &t, &none, &err) < 0 && t.len == 0, "an empty file: %s",
	       err.text);
	trace_release(&t);
	tap_ok(read_exactly(&text, text.len, &t, &copy, &err) < 0 &&
		       strstr(err.text, "neither pcap nor pcapng"),
	       "a text: %s", err.text);
	trace_release(&t);
	trace_release(&t);
	tap_is(t.len, 0, "released twice");
}

/* Noise with a good beginning; and a good file with bytes changed */
static void test_garbage(void)
{
	struct file good = { 0 };
	struct prng prng;
	uint8_t frame[FRAME_MAX];
	size_t len = ether(frame), errors = 0, frames = 0;

	prng_init(&prng, 1, "garbage");
	section(&good);
	interface(&good, 1, 0, 9);
	for (int i = 0; i < 3; i++)
		enhanced(&good, 0, 1, frame, len, 1);
	simple(&good, 10, frame, 10);
	for (int i = 0; i < 100000; i++) {
		struct file f = good;
		AUTO_FREE uint8_t *copy = NULL;
		struct err err = { 0 };
		struct trace t;

		if (i % 2) {
			f.len = prng_u64(&prng) % 200;
			prng_bytes(&prng, f.b, f.len);
			if (i % 4 == 1)
				memcpy(f.b, good.b, 28);
			if (i % 8 == 1)
				memcpy(f.b + 28, good.b + 28, 40);
			f.len = i % 4 == 1 && f.len < 72 ? 72 : f.len;
		}
		for (uint64_t n = prng_u64(&prng) % 6; n && f.len; n--)
			f.b[prng_u64(&prng) % f.len] = (uint8_t)prng_u64(&prng);
		errors += read_exactly(&f, f.len, &t, &copy, &err) < 0;
		frames += t.len;
		trace_release(&t);
	}
	tap_ok(errors > 50000 && frames > 10000, "100000 damaged files: %zu errors, %zu frames",
	       errors, frames);
}

int main(void)
{
	test_byte_orders();
	test_sections();
	test_resolutions();
	test_simple();
	test_links();
	test_snaplen();
	test_classic();
	test_truncation();
	test_numbers();
	test_empty();
	test_garbage();
	return tap_done();
}
