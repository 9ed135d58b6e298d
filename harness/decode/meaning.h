/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a frame means: "tcp:data:+8712:conn1:tx1", "ike:IKE_AUTH:req:mid1:sa1:tx1",
 * "esp:spi1:seq57:tx1".  A name of this kind holds in any run of the same protocol, while
 * the position of a frame on a link holds only in the same run.
 *
 * A frame can have several meanings, one for each layer and each message in it.
 * A name is a family, then words, then numbers; meaning_grammars says which.
 */
#ifndef DUPACK_DECODE_MEANING_H
#define DUPACK_DECODE_MEANING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum meaning_family {
	MEANING_TCP,
	MEANING_IKE,
	MEANING_IKEV1,
	MEANING_ESP,
	MEANING_NATT,
	MEANING_TLS,
	MEANING_DTLS,
	MEANING_WG,
	MEANING_OVPN,
	MEANING_UDP,
	MEANING_ICMP,
	MEANING_ICMP6,
	MEANING_IP,
	MEANING_FRAG,
	MEANING_FAMILIES,
};

#define MEANING_WORDS	 2
#define MEANING_NUMBERS	 5
#define MEANING_NO_WORD	 UINT16_MAX
#define MEANING_MAX	 12 /* meanings of a frame; more messages in one are not named */
#define MEANING_TEXT_MAX 96 /* bytes of one name, its zero included */

struct meaning {
	enum meaning_family family;
	uint16_t word[MEANING_WORDS]; /* by the vocabulary of the family, or MEANING_NO_WORD */
	uint8_t has; /* a bit for each number that it has */
	uint64_t number[MEANING_NUMBERS];
	uint32_t span; /* sequence numbers that the first number stands for: TCP */
	size_t at, len; /* the bytes of the frame that it is about */
};

struct meanings {
	struct meaning list[MEANING_MAX];
	size_t len;
};

struct meaning_word {
	const char *name; /* NULL ends a vocabulary */
	uint16_t value;
};

/** What may stand between the colons of a family's names. */
struct meaning_grammar {
	const char *name;
	struct {
		const struct meaning_word *words; /* NULL: there is no such word */
		const char *other; /* a value without a name is written as this and the value */
	} word[MEANING_WORDS];
	const char *number[MEANING_NUMBERS]; /* what stands before it: "mid"; NULL ends */
};

extern const struct meaning_grammar meaning_grammars[MEANING_FAMILIES];

struct meaning_state;

struct meaning_state *meaning_state_new(void);
void meaning_state_free(struct meaning_state *s);
void meaning_read(struct meaning_state *s, int direction, const uint8_t *frame, size_t len,
		  struct meanings *ret);

size_t meaning_text(const struct meaning *m, char *buf, size_t size);
size_t meanings_text(const struct meanings *m, char *buf, size_t size);

#endif
