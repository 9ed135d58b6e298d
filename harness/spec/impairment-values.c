// SPDX-License-Identifier: Apache-2.0
#include "spec/impairment-values.h"

#include <string.h>

#include "base/units.h"

#define CORRELATION_MAX 0.99 /* with more a draw hardly ever differs from the one before */

/**
 * impairment_read_loss() - A ratio; netem's "LOSS CORRELATION" is refused with the reason
 *
 * Return: true if nothing was wrong
 */
bool impairment_read_loss(struct document *doc, yaml_node_t *node, void *out)
{
	const char *text = document_text(node);

	if (text && strchr(text, ' '))
		return document_error(
			doc, node,
			"'%.60s' has a correlation, with which netem loses far less "
			"than it says (10%% 25%% loses 1.7%%): use gemodel for bursts",
			text);
	return schema_value(doc, node, &(struct schema_key){ .kind = SCHEMA_RATIO }, out);
}

/**
 * impairment_read_correlation() - A ratio that leaves something to chance
 *
 * Return: true if nothing was wrong
 */
bool impairment_read_correlation(struct document *doc, yaml_node_t *node, void *out)
{
	double *correlation = out;

	if (!schema_value(doc, node, &(struct schema_key){ .kind = SCHEMA_RATIO }, correlation))
		return false;
	if (*correlation > CORRELATION_MAX)
		return document_error(doc, node, "'%.60s' is out of range: write 0%% to 99%%",
				      document_text(node));
	return true;
}

/**
 * impairment_check_drop() - Positions from 1 on, ascending, at least one
 *
 * Return: true if nothing was wrong
 */
bool impairment_check_drop(struct document *doc, yaml_node_t *node, void *base)
{
	const struct impairment *i = &((struct slot *)base)->i;

	if (!i->drop_len)
		return document_error(doc, node,
				      "'drop' is empty: write the positions of the "
				      "frames to lose, from 1");
	for (size_t n = 0; n < i->drop_len; n++) {
		if (i->drop[n] < 1)
			return document_error(doc, document_item(doc, node, n),
					      "'0' is no position: the first frame is 1");
		if (n && i->drop[n] <= i->drop[n - 1])
			return document_error(doc, document_item(doc, node, n),
					      "'%s' does not ascend: write the positions in order, "
					      "each once",
					      document_text(document_item(doc, node, n)));
	}
	return true;
}

const struct schema_key impairment_gemodel_keys[] = {
	{ .name = "p",
	  .kind = SCHEMA_RATIO,
	  .required = true,
	  .offset = offsetof(struct gemodel, p) },
	{ .name = "r",
	  .kind = SCHEMA_RATIO,
	  .required = true,
	  .offset = offsetof(struct gemodel, r) },
	{ .name = "loss-bad",
	  .kind = SCHEMA_RATIO,
	  .fallback = "100%",
	  .offset = offsetof(struct gemodel, loss_bad) },
	{ .name = "loss-good",
	  .kind = SCHEMA_RATIO,
	  .fallback = "0%",
	  .offset = offsetof(struct gemodel, loss_good) },
	{ 0 },
};

/**
 * impairment_check_state() - The ways out of a state are at most 1: the rest is to stay
 *
 * Return: true if nothing was wrong
 */
bool impairment_check_state(struct document *doc, yaml_node_t *node, void *base)
{
	const struct fourstate *f = &((struct slot *)base)->i.state;

	if (f->p13 + f->p14 > 1)
		return document_error(doc, document_find(doc, node, "p14"),
				      "'p13' and 'p14' are more than 100%% together: both leave "
				      "state 1");
	if (f->p31 + f->p32 > 1)
		return document_error(doc, document_find(doc, node, "p32"),
				      "'p31' and 'p32' are more than 100%% together: both leave "
				      "state 3");
	return true;
}

const struct schema_key impairment_state_keys[] = {
	{ .name = "p13",
	  .kind = SCHEMA_RATIO,
	  .required = true,
	  .offset = offsetof(struct fourstate, p13) },
	{ .name = "p31",
	  .kind = SCHEMA_RATIO,
	  .required = true,
	  .offset = offsetof(struct fourstate, p31) },
	{ .name = "p32",
	  .kind = SCHEMA_RATIO,
	  .fallback = "0%",
	  .offset = offsetof(struct fourstate, p32) },
	{ .name = "p23",
	  .kind = SCHEMA_RATIO,
	  .fallback = "100%",
	  .offset = offsetof(struct fourstate, p23) },
	{ .name = "p14",
	  .kind = SCHEMA_RATIO,
	  .fallback = "0%",
	  .offset = offsetof(struct fourstate, p14) },
	{ 0 },
};

/**
 * impairment_check_slots() - The longest wait is not shorter than the shortest
 *
 * Return: true if nothing was wrong
 */
bool impairment_check_slots(struct document *doc, yaml_node_t *node, void *base)
{
	const struct slots *s = &((struct slot *)base)->i.slot;

	if (s->max_ns < s->min_ns)
		return document_error(doc, document_find(doc, node, "max"),
				      "'max' is less than 'min': nothing can be both");
	return true;
}

const struct schema_key impairment_slot_keys[] = {
	{ .name = "min", .kind = SCHEMA_DURATION, .offset = offsetof(struct slots, min_ns) },
	{ .name = "max",
	  .kind = SCHEMA_DURATION,
	  .required = true,
	  .offset = offsetof(struct slots, max_ns),
	  .min = 1,
	  .max = 3600 * NS_PER_S,
	  .range = "more than 0s, at most 1h" },
	{ .name = "packets",
	  .kind = SCHEMA_COUNT,
	  .offset = offsetof(struct slots, packets),
	  .min = 1,
	  .max = INT32_MAX,
	  .range = "1 to 2147483647 packets" },
	{ .name = "bytes",
	  .kind = SCHEMA_SIZE,
	  .offset = offsetof(struct slots, bytes),
	  .min = 1,
	  .max = INT32_MAX,
	  .range = "1 to 2147483647 bytes" },
	{ 0 },
};
