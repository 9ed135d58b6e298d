/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules: each looks at the evidence for one cause and says what it found, where,
 * and by which packets.  A rule is silent on what is healthy.
 */
#ifndef DUPACK_GRADE_FINDINGS_H
#define DUPACK_GRADE_FINDINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct evidence;
struct evidence_trace;

struct rule {
	const char *id, *clause;
	void (*look)(const struct evidence *e, const struct rule *rule, json_t *findings);
	const char *what;
};

json_t *grade_findings(const struct evidence *e);
bool grade_has_finding(const json_t *findings, const char *rule);

/* --- between the files of the rules ------------------------------------------------- */

json_t *finding_add(json_t *findings, const struct rule *rule, const char *hop, const char *fmt,
		    ...) __attribute__((format(printf, 4, 5)));
void finding_packet(json_t *finding, const struct evidence_trace *t, size_t frame,
		    const char *what);

void rule_hole_never_filled(const struct evidence *e, const struct rule *rule, json_t *findings);
void rule_duplicate_acks_unanswered(const struct evidence *e, const struct rule *rule,
				    json_t *findings);
void rule_device_queue_stuck(const struct evidence *e, const struct rule *rule, json_t *findings);
void rule_loss_on_link(const struct evidence *e, const struct rule *rule, json_t *findings);
void rule_queue_overflow(const struct evidence *e, const struct rule *rule, json_t *findings);
void rule_impairer_saw_nothing(const struct evidence *e, const struct rule *rule, json_t *findings);

#endif
