/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the rows of metrics.c; each says whether it could measure. */
#ifndef DUPACK_GRADE_MEASURE_H
#define DUPACK_GRADE_MEASURE_H

#include <stdbool.h>

#include "grade/metrics.h"
#include "spec/case.h"

struct evidence;

#define MEASURE(name) bool measure_##name(const struct evidence *e, struct metric_value *ret)
#define MEASURE_LINK(name)                                                                         \
	bool measure_##name(const struct evidence *e, enum link_id l, enum direction d,            \
			    const char *what, struct metric_value *ret)

/* measure-traffic.c */
MEASURE(up);
MEASURE(up_time);
MEASURE(echo_sent);
MEASURE(echo_received);
MEASURE(echo_lost);
MEASURE(echo_delivery);
MEASURE(echo_max_gap);
MEASURE(echo_alive);
MEASURE(echo_died_at);
MEASURE(rtt_min);
MEASURE(rtt_median);
MEASURE(rtt_max);
MEASURE(idle_alive);
MEASURE(before_answered);
MEASURE(after_answered);
MEASURE(down_orderly);
MEASURE(down_restored);
MEASURE(tcp_bytes);
MEASURE(tcp_completion);
MEASURE(tcp_intact);
MEASURE(tcp_rate);

/* measure-segments.c */
MEASURE(segments_sent);
MEASURE(segments_received);
MEASURE(segments_bytes);
MEASURE(segments_acks);
MEASURE(segments_duplicate_acks);
MEASURE(segments_resets);
MEASURE(segments_first_window);
MEASURE(segments_client_mss);
MEASURE(segments_server_mss);

/* measure-path.c */
MEASURE(loss_links);
MEASURE(loss_link);
MEASURE(too_big);
MEASURE(plaintext);
MEASURE(retransmissions);
MEASURE(duplicate_acks);
MEASURE(holes_filled);
MEASURE(holes_unfilled);
MEASURE_LINK(link_counter);
MEASURE_LINK(link_lost);
MEASURE_LINK(link_loss);
MEASURE_LINK(link_change);
MEASURE_LINK(drops_match);
MEASURE_LINK(link_delay);
MEASURE_LINK(link_rate);

/* measure-carriage.c */
MEASURE(changed_bytes);
MEASURE(bad_checksums);
MEASURE(beyond_window);
MEASURE(carriage_backoff);

/* measure-messages.c */
MEASURE(messages_repeated);
MEASURE(messages_changed);
MEASURE(handshake_requests);
MEASURE(handshake_backoff);

/* measure-inner.c */
MEASURE(leak_payload);
MEASURE(inner_duplicates);
MEASURE(inner_damaged);

bool measure_middlebox(const struct evidence *e, const char *counter, struct metric_value *ret);

bool measure_yes_no(bool yes, struct metric_value *ret);
int measure_by_value(const void *a, const void *b);

#endif
