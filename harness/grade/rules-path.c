// SPDX-License-Identifier: Apache-2.0
/* Rules about links and the device. */
#include <stdio.h>
#include <string.h>

#include "grade/evidence.h"
#include "grade/findings.h"
#include "grade/measure.h"
#include "spec/impairment.h"

static unsigned long long count(const struct evidence *e, const char *counter)
{
	struct metric_value v = { 0 };

	return measure_middlebox(e, counter, &v) ? (unsigned long long)v.number : 0;
}

void rule_device_queue_stuck(const struct evidence *e, const struct rule *rule, json_t *findings)
{
	unsigned long long full = count(e, "tcp-buffer-full");
	unsigned long long timeout = count(e, "tcp-buffer-timeout");

	/* a full queue alone is what healthy TCP does to a small one */
	if (timeout)
		finding_add(findings, rule, node_names[NODE_MIDDLEBOX],
			    "%llu packets waited in the device's queue for data before them until "
			    "they timed out (tcp-buffer-timeout); %llu more found the queue full "
			    "(tcp-buffer-full)",
			    timeout, full);
}

void rule_loss_on_link(const struct evidence *e, const struct rule *rule, json_t *findings)
{
	for (enum link_id l = 0; e->captured && l < LINK_COUNT; l++)
		for (enum direction d = 0; d < DIR_COUNT; d++) {
			const struct match *m = &e->matches[l][d];
			size_t first = 0;
			char hop[32];
			json_t *f;

			if (!m->lost)
				continue;
			while (!match_is_lost(m, first))
				first++;
			snprintf(hop, sizeof(hop), "%s:%s", link_names[l], direction_names[d]);
			f = finding_add(findings, rule, hop,
					"%zu of %zu frames that left did not come out on %s",
					m->lost, m->len, hop);
			finding_packet(f, evidence_end(e, l, evidence_sender(d)), m->sent[first],
				       "the first of them");
		}
}

/* A rule about a counter of each impaired link and direction */
static void each_link(const struct evidence *e, const char *what,
		      void (*call)(const struct rule *rule, const char *hop, unsigned long long n,
				   json_t *findings),
		      bool planned_only, const struct rule *rule, json_t *findings)
{
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (enum direction d = 0; d < DIR_COUNT; d++) {
			struct metric_value v = { 0 };
			char hop[32];

			snprintf(hop, sizeof(hop), "%s:%s", link_names[l], direction_names[d]);
			if ((!planned_only || impairment_loses(&e->c->impair[l][d])) &&
			    measure_link_counter(e, l, d, what, &v))
				call(rule, hop, (unsigned long long)v.number, findings);
		}
}

static void overflow(const struct rule *rule, const char *hop, unsigned long long n,
		     json_t *findings)
{
	if (n)
		finding_add(findings, rule, hop,
			    "%llu frames found the queue of %s full: not by plan; raise 'limit' or "
			    "send less",
			    n, hop);
}

void rule_queue_overflow(const struct evidence *e, const struct rule *rule, json_t *findings)
{
	each_link(e, "overflow", overflow, false, rule, findings);
}

static void nothing(const struct rule *rule, const char *hop, unsigned long long n,
		    json_t *findings)
{
	if (!n)
		finding_add(findings, rule, hop, "no frame came to %s, which was to lose some",
			    hop);
}

void rule_impairer_saw_nothing(const struct evidence *e, const struct rule *rule, json_t *findings)
{
	each_link(e, "seen", nothing, true, rule, findings);
}
