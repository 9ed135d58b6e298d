// SPDX-License-Identifier: Apache-2.0
/* The table of rules, and how a finding is written down. */
#include "grade/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "grade/evidence.h"

static const struct rule rules[] = {
	{ "hole-never-filled", "RFC 9293 section 3.8.1", rule_hole_never_filled,
	  "data that the other side asks for by duplicate ACKs is never sent again" },
	{ "duplicate-acks-unanswered", "RFC 5681 section 3.2", rule_duplicate_acks_unanswered,
	  "three duplicate ACKs and no retransmission" },
	{ "device-queue-stuck", "Cisco document 113578", rule_device_queue_stuck,
	  "the device waited for missing data until it gave up" },
	{ "loss-on-link", "", rule_loss_on_link, "a link lost frames, by comparing both ends" },
	{ "queue-overflow", "", rule_queue_overflow,
	  "frames were lost because a queue of the link was full, not by plan" },
	{ "impairer-saw-nothing", "", rule_impairer_saw_nothing,
	  "no frame came to a link that was to be impaired" },
};

/**
 * finding_add() - Begin a finding
 * @findings:	The list that gets it
 * @rule:	Of which rule
 * @hop:	A link ("outside:up"), a node, or "" if it is not known
 * @fmt:	What was found, with values
 *
 * Return: the finding, borrowed from the list
 */
json_t *finding_add(json_t *findings, const struct rule *rule, const char *hop, const char *fmt,
		    ...)
{
	char summary[512];
	json_t *finding;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(summary, sizeof(summary), fmt, ap);
	va_end(ap);
	finding = json_pack("{s:s, s:s, s:s, s:s, s:[]}", "rule", rule->id, "summary", summary,
			    "clause", rule->clause, "hop", hop, "packets");
	json_array_append_new(findings, finding);
	return finding;
}

/** finding_packet() - Name a packet that shows it; TCP_NO_FRAME: none */
void finding_packet(json_t *finding, const struct evidence_trace *t, size_t frame, const char *what)
{
	if (frame == TCP_NO_FRAME)
		return;
	json_array_append_new(json_object_get(finding, "packets"),
			      json_pack("{s:s, s:I, s:I, s:s}", "file", t->name, "number",
					(json_int_t)frame + 1, "t",
					(json_int_t)t->trace.frames[frame].t_ns, "what", what));
}

/**
 * grade_findings() - Apply all rules
 *
 * Return: a new array, empty if all is well
 */
json_t *grade_findings(const struct evidence *e)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i].look(e, &rules[i], findings);
	return findings;
}

/** grade_has_finding() - Is there one of this rule? */
bool grade_has_finding(const json_t *findings, const char *rule)
{
	const json_t *f;
	size_t i;

	json_array_foreach (findings, i, f) {
		const char *id = json_string_value(json_object_get(f, "rule"));

		if (id && strcmp(id, rule) == 0)
			return true;
	}
	return false;
}
