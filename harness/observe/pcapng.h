/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing captures: pcapng (draft-ietf-opsawg-pcapng) of one Ethernet interface,
 * nanoseconds, the direction with each frame.  The bytes depend on nothing but what
 * is given: no date, no machine, no process number.
 */
#ifndef DUPACK_OBSERVE_PCAPNG_H
#define DUPACK_OBSERVE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct err;

/** Bits of the option epb_flags. */
enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

/** What opens the frames of a capture: a block of decryption secrets. */
struct pcapng_secrets {
	uint32_t type; /* PCAPNG_SECRETS_... */
	const void *bytes;
	size_t len;
};

#define PCAPNG_SECRETS_TLS	 0x544c534bU /* "TLSK": a key log of NSS's format */
#define PCAPNG_SECRETS_WIREGUARD 0x57474b4cU /* "WGKL": a key log of WireGuard */

struct pcapng {
	FILE *file; /* owned; NULL: closed */
	char *buffer; /* of @file; owned */
	int failed; /* errno of the first write that failed */
	uint64_t frames, bytes;
};

int pcapng_open(struct pcapng *w, const char *path, const char *interface, struct err *err);
void pcapng_write(struct pcapng *w, uint64_t t_ns, enum pcapng_direction direction,
		  const void *frame, size_t len, size_t original_len);
int pcapng_close(struct pcapng *w, struct err *err);
int pcapng_add_secrets(const char *path, const struct pcapng_secrets *secrets, size_t len,
		       struct err *err);

#endif
