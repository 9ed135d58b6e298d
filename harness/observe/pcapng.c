// SPDX-License-Identifier: Apache-2.0
/*
 * Blocks in the byte order of the machine, as the format has it: a reader sees it
 * in the section header's byte-order magic.
 */
#include "observe/pcapng.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

#define BLOCK_SECTION	  0x0a0d0d0aU
#define BLOCK_INTERFACE	  1U
#define BLOCK_PACKET	  6U
#define BLOCK_SECRETS	  10U
#define BYTE_ORDER_MAGIC  0x1a2b3c4dU
#define LINKTYPE_ETHERNET 1

enum option {
	OPT_END = 0,
	SHB_HARDWARE = 2,
	SHB_OS = 3,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_TSRESOL = 9,
	EPB_FLAGS = 2,
};

#define TSRESOL_NS 9 /* 10^-9 s */
#define BUFFER	   (256 * 1024UL)

/* A block is built whole; the largest without a frame is the section header */
struct block {
	uint8_t bytes[256];
	size_t len;
};

static void put(struct block *b, const void *data, size_t len)
{
	if (len)
		memcpy(b->bytes + b->len, data, len);
	memset(b->bytes + b->len + len, 0, -len & 3);
	b->len += (len + 3) & ~(size_t)3;
}

static void put_u32(struct block *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

static void put_option(struct block *b, enum option code, const void *data, size_t len)
{
	uint16_t head[2] = { (uint16_t)code, (uint16_t)len };

	put(b, head, sizeof(head));
	put(b, data, len);
}

static void put_text(struct block *b, enum option code, const char *text)
{
	put_option(b, code, text, strnlen(text, 64));
}

static void begin(struct block *b, uint32_t type)
{
	b->len = 0;
	put_u32(b, type);
	put_u32(b, 0); /* the length, at the end */
}

/* The length stands at both ends; @extra bytes are written between by the caller */
static uint32_t set_length(struct block *b, size_t extra)
{
	uint32_t total = (uint32_t)(b->len + extra + sizeof(total));

	memcpy(b->bytes + 4, &total, sizeof(total));
	return total;
}

/* After a failure nothing more: a file that is cut short can be read up to there */
static void write_bytes(struct pcapng *w, const void *data, size_t len)
{
	if (!w->failed && fwrite_unlocked(data, 1, len, w->file) != len)
		w->failed = errno;
}

static void write_block(struct pcapng *w, struct block *b)
{
	put_u32(b, set_length(b, 0));
	fwrite_unlocked(b->bytes, 1, b->len, w->file);
}

/**
 * pcapng_open() - Begin a capture file
 * @w:		Set on success; finish it with pcapng_close()
 * @path:	The file; an old one is replaced
 * @interface:	What the capture is called: "client-access"
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int pcapng_open(struct pcapng *w, const char *path, const char *interface, struct err *err)
{
	const uint16_t version[2] = { 1, 0 }, linktype[2] = { LINKTYPE_ETHERNET, 0 };
	const uint64_t length_unknown = UINT64_MAX;
	const uint8_t resolution = TSRESOL_NS;
	struct err ignored = { 0 };
	struct block b;

	*w = (struct pcapng){ .file = fopen(path, "we"), .buffer = malloc(BUFFER) };
	if (!w->file || !w->buffer) {
		err_set(err, errno, "cannot create '%s'", path);
		pcapng_close(w, &ignored);
		return -1;
	}
	setvbuf(w->file, w->buffer, _IOFBF, BUFFER); /* glibc allocates none of that size */

	begin(&b, BLOCK_SECTION);
	put_u32(&b, BYTE_ORDER_MAGIC);
	put(&b, version, sizeof(version));
	put(&b, &length_unknown, sizeof(length_unknown));
	put_text(&b, SHB_HARDWARE, "dupack");
	put_text(&b, SHB_OS, "dupack");
	put_text(&b, SHB_USERAPPL, "dupack");
	put_option(&b, OPT_END, NULL, 0);
	write_block(w, &b);

	begin(&b, BLOCK_INTERFACE);
	put(&b, linktype, sizeof(linktype));
	put_u32(&b, 0); /* no limit of length */
	put_text(&b, IF_NAME, interface);
	put_option(&b, IF_TSRESOL, &resolution, sizeof(resolution));
	put_option(&b, OPT_END, NULL, 0);
	write_block(w, &b);
	/* A process that is forked later has nothing in the buffer to write a second time */
	if (!w->failed && fflush(w->file))
		w->failed = errno;
	return 0;
}

/**
 * pcapng_write() - Append a frame
 * @w:		From pcapng_open()
 * @t_ns:	When, CLOCK_REALTIME
 * @direction:	As the interface sees it
 * @frame:	From its Ethernet header on
 * @len:	Bytes that there are
 * @original_len: Bytes that the frame had
 *
 * A failure (a full disk) is kept, and said by pcapng_close().
 */
void pcapng_write(struct pcapng *w, uint64_t t_ns, enum pcapng_direction direction,
		  const void *frame, size_t len, size_t original_len)
{
	static const uint8_t padding[4];
	const uint32_t flags = direction;
	struct block head, tail = { .len = 0 };

	begin(&head, BLOCK_PACKET);
	put_u32(&head, 0); /* of the only interface */
	put_u32(&head, (uint32_t)(t_ns >> 32));
	put_u32(&head, (uint32_t)t_ns);
	put_u32(&head, (uint32_t)len);
	put_u32(&head, (uint32_t)original_len);
	put_option(&tail, EPB_FLAGS, &flags, sizeof(flags));
	put_option(&tail, OPT_END, NULL, 0);
	put_u32(&tail, set_length(&head, len + (-len & 3) + tail.len));
	write_bytes(w, head.bytes, head.len);
	write_bytes(w, frame, len);
	write_bytes(w, padding, -len & 3);
	write_bytes(w, tail.bytes, tail.len);
	w->frames++;
	w->bytes += original_len;
}

/**
 * pcapng_close() - Finish a capture file
 * @w:		From pcapng_open(); closed already does no harm
 * @err:	Set if any of it could not be written
 *
 * Return: 0 or -1
 */
int pcapng_close(struct pcapng *w, struct err *err)
{
	if (w->file && fclose(w->file) && !w->failed)
		w->failed = errno;
	w->file = NULL;
	free(w->buffer);
	w->buffer = NULL;
	return w->failed ? err_set(err, w->failed, "cannot write a capture") : 0;
}

static void put_secrets(struct pcapng *w, const struct pcapng_secrets *secrets)
{
	static const uint8_t padding[4];
	struct block head, tail = { .len = 0 };

	begin(&head, BLOCK_SECRETS);
	put_u32(&head, secrets->type);
	put_u32(&head, (uint32_t)secrets->len);
	put_u32(&tail, set_length(&head, secrets->len + (-secrets->len & 3)));
	write_bytes(w, head.bytes, head.len);
	write_bytes(w, secrets->bytes, secrets->len);
	write_bytes(w, padding, -secrets->len & 3);
	write_bytes(w, tail.bytes, tail.len);
}

/* Copy @len bytes, or as many as there are; returns how many */
static size_t copy_bytes(struct pcapng *w, FILE *from, size_t len)
{
	static uint8_t buf[BUFFER];
	size_t done = 0;

	while (done < len) {
		size_t left = len - done;
		size_t n = fread(buf, 1, left < sizeof(buf) ? left : sizeof(buf), from);

		if (!n)
			break;
		write_bytes(w, buf, n);
		done += n;
	}
	if (!w->failed && ferror(from))
		w->failed = EIO;
	return done;
}

/* The section and the interface, as pcapng_open() wrote them, are there as a whole */
static bool copy_headers(struct pcapng *w, FILE *from)
{
	for (int i = 0; i < 2; i++) {
		uint32_t head[2];

		if (fread(head, sizeof(head), 1, from) != 1 || head[1] < sizeof(head))
			return false;
		write_bytes(w, head, sizeof(head));
		if (copy_bytes(w, from, head[1] - sizeof(head)) != head[1] - sizeof(head))
			return false;
	}
	return true;
}

/* A copy with the secrets in it; *ret_whole: @from reaches as far as its first frame */
static int copy_with(FILE *from, const char *fresh, const struct pcapng_secrets *secrets,
		     size_t len, bool *ret_whole, struct err *err)
{
	struct pcapng w = { .file = fopen(fresh, "we") };

	if (!w.file)
		return err_set(err, errno, "cannot write '%s'", fresh);
	*ret_whole = copy_headers(&w, from);
	for (size_t i = 0; *ret_whole && i < len; i++)
		put_secrets(&w, &secrets[i]);
	copy_bytes(&w, from, SIZE_MAX);
	return pcapng_close(&w, err);
}

/**
 * pcapng_add_secrets() - Put secrets before the first frame of a finished capture
 * @path:	A file of pcapng_open(); one that ends before its first frame stays as it is
 * @secrets:	What to put there, a block each: readers want them before what they open
 * @len:	How many
 * @err:	Set on failure; the file is then as it was
 *
 * Return: 0 or -1
 */
int pcapng_add_secrets(const char *path, const struct pcapng_secrets *secrets, size_t len,
		       struct err *err)
{
	AUTO_FREE char *fresh = io_printf("%s.new", path);
	AUTO_FCLOSE FILE *from = fopen(path, "re");
	bool whole = false;
	int rc;

	if (!from)
		return err_set(err, errno, "cannot add keys to '%s'", path);
	rc = copy_with(from, fresh, secrets, len, &whole, err);
	if (!rc && whole && rename(fresh, path))
		rc = err_set(err, errno, "cannot replace '%s'", path);
	if (rc || !whole)
		unlink(fresh);
	return rc ? err_wrap(err, "cannot add keys to '%s'", path) : 0;
}
