// SPDX-License-Identifier: Apache-2.0
#include "observe/payload.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/** payload_put_head() - Write the head of a probe or stream */
void payload_put_head(uint8_t bytes[PAYLOAD_HEAD_LEN], const struct payload_head *head)
{
	struct payload_head wire = { htobe32(head->magic), htobe32(head->flow),
				     htobe64(head->number) };

	memcpy(bytes, &wire, sizeof(wire));
}

/** payload_get_head() - Read the head of a probe or stream; the caller checks the magic */
struct payload_head payload_get_head(const uint8_t bytes[PAYLOAD_HEAD_LEN])
{
	struct payload_head wire;

	_Static_assert(sizeof(wire) == PAYLOAD_HEAD_LEN, "no padding");
	memcpy(&wire, bytes, sizeof(wire));
	return (struct payload_head){ be32toh(wire.magic), be32toh(wire.flow),
				      be64toh(wire.number) };
}

/**
 * payload_pattern_init() - Begin the pattern of a flow
 * @p:		Initialised
 * @seed:	Of the case
 * @flow:	Each has its own
 */
void payload_pattern_init(struct payload_pattern *p, uint64_t seed, uint32_t flow)
{
	char stream[32];

	snprintf(stream, sizeof(stream), "tcp:%u", flow);
	*p = (struct payload_pattern){ 0 };
	prng_init(&p->prng, seed, stream);
}

/** payload_pattern_fill() - The next bytes of the pattern */
void payload_pattern_fill(struct payload_pattern *p, uint8_t *bytes, size_t len)
{
	while (len) {
		size_t n;

		if (!p->left) {
			prng_bytes(&p->prng, p->word, sizeof(p->word));
			p->left = sizeof(p->word);
		}
		n = len < p->left ? len : p->left;
		memcpy(bytes, p->word + sizeof(p->word) - p->left, n);
		p->left -= n;
		bytes += n;
		len -= n;
	}
}
