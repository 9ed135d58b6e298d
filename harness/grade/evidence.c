// SPDX-License-Identifier: Apache-2.0
/* Reading a run folder.  What is missing or damaged is an error of the harness. */
#include "grade/evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

/** evidence_time() - A time of execution.json in ns, or 0 if it was not reached */
uint64_t evidence_time(const struct evidence *e, const char *what)
{
	return (uint64_t)json_integer_value(
		json_object_get(json_object_get(e->execution, "times"), what));
}

/** evidence_sender() - The end of a link at which a direction begins */
enum link_end evidence_sender(enum direction d)
{
	return d == DIR_UP ? END_CLIENT : END_SERVER;
}

/** evidence_end() - The capture at an end of a link */
const struct evidence_trace *evidence_end(const struct evidence *e, enum link_id l,
					  enum link_end end)
{
	return &e->traces[l][end];
}

/* --- captures ------------------------------------------------------------------- */

/* What the capture said of itself as it ended */
static const json_t *report_of(const struct evidence *e, const char *file)
{
	const json_t *captures = json_object_get(e->execution, "captures"), *c;
	size_t i;

	json_array_foreach (captures, i, c) {
		const char *name = json_string_value(json_object_get(c, "file"));

		if (name && strcmp(name, file) == 0)
			return c;
	}
	return NULL;
}

/* A file that lost its end at the boundary of a block looks whole */
static int check_frames(const struct evidence *e, const struct evidence_trace *t, struct err *err)
{
	const json_t *frames = json_object_get(report_of(e, t->name), "frames");

	if (!json_is_integer(frames))
		return err_set(err, 0, "execution.json has no number of frames for the capture");
	if ((uint64_t)json_integer_value(frames) != t->trace.len)
		return err_set(err, 0, "%zu frames, but %lld were captured", t->trace.len,
			       (long long)json_integer_value(frames));
	return 0;
}

static int load_trace(struct evidence *e, const char *folder, enum link_id l, enum link_end end,
		      struct err *err)
{
	struct evidence_trace *t = &e->traces[l][end];
	AUTO_FREE char *path = NULL;

	t->node = (enum node_id)((int)l + (int)end);
	snprintf(t->name, sizeof(t->name), "%s-%s.pcapng", node_names[t->node], link_names[l]);
	path = io_printf("%s/%s", folder, t->name);
	t->bytes = io_read_file(path, &t->len, err);
	if (!t->bytes)
		return -1;
	if (trace_read((const uint8_t *)t->bytes, t->len, &t->trace, err) ||
	    check_frames(e, t, err))
		return err_wrap(err, "'%s'", path);
	tcp_track(&t->trace, &t->tcp);
	return t->tcp.failed ? err_set(err, ENOMEM, "cannot follow '%s'", path) : 0;
}

/* Frames that the kernel had no room for would look like losses of the link */
static int check_complete(const struct evidence *e, struct err *err)
{
	const json_t *captures = json_object_get(e->execution, "captures"), *c;
	size_t i;

	json_array_foreach (captures, i, c) {
		json_int_t lost = json_integer_value(json_object_get(c, "lost"));
		json_int_t oversize = json_integer_value(json_object_get(c, "oversize"));
		const char *file = json_string_value(json_object_get(c, "file"));

		if (lost)
			return err_set(err, 0, "the capture '%s' lost %lld frames", file,
				       (long long)lost);
		if (oversize)
			return err_set(err, 0,
				       "'%s' has %lld frames larger than the MTU: offloads are on",
				       file, (long long)oversize);
	}
	if (json_array_size(captures) != (size_t)LINK_COUNT * END_COUNT)
		return err_set(err, 0, "%zu captures of %d are there", json_array_size(captures),
			       LINK_COUNT * END_COUNT);
	return 0;
}

static int load_captures(struct evidence *e, const char *folder, struct err *err)
{
	if (check_complete(e, err))
		return -1;
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (enum link_end end = 0; end < END_COUNT; end++)
			if (load_trace(e, folder, l, end, err))
				return -1;
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (enum direction d = 0; d < DIR_COUNT; d++) {
			enum link_end from = evidence_sender(d);

			if (match_link(&e->traces[l][from].trace, &e->traces[l][!from].trace,
				       e->until_ns, &e->matches[l][d]))
				return err_set(err, ENOMEM, "cannot compare captures");
		}
	e->captured = true;
	return 0;
}

/* --- events ----------------------------------------------------------------------- */

static int add_probe(struct flow_events *f, uint64_t t_ns, struct err *err)
{
	size_t len = f->probes_len;

	if ((len & (len - 1)) == 0) { /* a power of two, or none: full */
		struct probe *more = realloc(f->probes, (len ? len * 2 : 1) * sizeof(*more));

		if (!more)
			return err_set(err, ENOMEM, "cannot read the events");
		f->probes = more;
	}
	f->probes[f->probes_len++] = (struct probe){ .t_ns = t_ns };
	return 0;
}

static int add_change(struct evidence *e, const json_t *event, uint64_t t_ns, struct err *err)
{
	json_int_t entry = json_integer_value(json_object_get(event, "entry"));
	const char *turn = json_string_value(json_object_get(event, "turn"));
	struct timeline_event *more;

	if (entry < 0 || (size_t)entry >= e->c->timeline.len || !turn)
		return 0; /* of another case: nothing that could be shown */
	more = realloc(e->changes, (e->changes_len + 1) * sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "cannot read the events");
	e->changes = more;
	e->changes[e->changes_len++] =
		(struct timeline_event){ t_ns, (size_t)entry, strcmp(turn, "end") == 0 };
	return 0;
}

static uint64_t number(const json_t *event, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(event, key));
}

static void add_sent(struct segment_events *s, const json_t *event)
{
	s->sent_known = true;
	s->sent = number(event, "sent");
	s->acks = number(event, "acks");
	s->duplicate_acks = number(event, "duplicate_acks");
	s->resets = number(event, "resets");
	s->first_window = number(event, "first_window");
	s->client_mss = number(event, "mss");
}

static void add_received(struct segment_events *s, const json_t *event)
{
	s->received_known = true;
	s->received = number(event, "segments");
	s->bytes = number(event, "bytes");
	s->server_mss = number(event, "mss");
}

static int add_event(struct evidence *e, const json_t *event, struct err *err)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	json_int_t flow = json_integer_value(json_object_get(event, "flow"));
	json_int_t n = json_integer_value(json_object_get(event, "n"));
	uint64_t t = (uint64_t)json_integer_value(json_object_get(event, "t"));
	struct flow_events *f;

	if (name && strcmp(name, "timeline") == 0)
		return add_change(e, event, t, err);
	if (!name || flow < 0 || (size_t)flow >= e->flows_len)
		return 0;
	f = &e->flows[flow];
	if (strcmp(name, "probe") == 0)
		return add_probe(f, t, err);
	if (strcmp(name, "reply") == 0 && n >= 1 && (size_t)n <= f->probes_len) {
		uint64_t rtt = (uint64_t)json_integer_value(json_object_get(event, "rtt_ns"));

		f->probes[n - 1].rtt_ns = rtt ? rtt : 1;
	} else if (strcmp(name, "tcp-received") == 0) {
		f->tcp_received = true;
		f->tcp_intact = json_is_true(json_object_get(event, "intact"));
		f->tcp_bytes = (uint64_t)json_integer_value(json_object_get(event, "bytes"));
		f->tcp_t_ns = t;
	} else if (strcmp(name, "segments-sent") == 0) {
		add_sent(&f->segments, event);
	} else if (strcmp(name, "segments-received") == 0) {
		add_received(&f->segments, event);
	}
	return 0;
}

/* A process writes in the order of its events, and only the client writes probes */
static int load_events(struct evidence *e, const char *folder, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/events.jsonl", folder);
	size_t len;
	AUTO_FREE char *text = io_read_file(path, &len, err);

	if (!text)
		return -1;
	if (strlen(text) != len)
		return err_set(err, 0, "'%s' has a zero byte", path);
	for (char *line = text, *end; *line; line = end) {
		json_t *event;
		int rc;

		end = strchr(line, '\n');
		if (!end)
			return err_set(err, 0, "'%s' is cut short", path);
		*end++ = '\0';
		event = json_loads(line, 0, NULL);
		if (!event)
			return err_set(err, 0, "'%s' has a line that is not JSON", path);
		rc = add_event(e, event, err);
		json_decref(event);
		if (rc)
			return -1;
	}
	return 0;
}

/* --- all of it ---------------------------------------------------------------------- */

static bool is_complete(const struct evidence *e)
{
	const char *outcome = json_string_value(json_object_get(e->execution, "outcome"));

	return outcome && strcmp(outcome, "complete") == 0;
}

/* A failure that says nothing of itself is none of the implementation */
static int check_outcome(const struct evidence *e, const char *path, struct err *err)
{
	const char *outcome = json_string_value(json_object_get(e->execution, "outcome"));
	const json_t *error = json_object_get(e->execution, "error");

	if (!json_is_object(e->execution))
		return err_set(err, 0, "'%s' is not an object", path);
	if (outcome && (is_complete(e) || (json_is_string(json_object_get(error, "kind")) &&
					   json_is_string(json_object_get(error, "text")))))
		return 0;
	return err_set(err, 0, "'%s' has no outcome, or one that failed without an error", path);
}

static uint64_t settled(const struct evidence *e)
{
	static const char *const ends[] = { "after_end", "idle_end", "traffic_end" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (evidence_time(e, ends[i]))
			return evidence_time(e, ends[i]);
	return UINT64_MAX;
}

/**
 * evidence_load() - Read a run folder
 * @folder:	Of an execution
 * @c:		Its case; borrowed as long as the evidence
 * @ret:	Filled in as far as it goes; give it to evidence_release() whatever is returned
 * @err:	Set if something is missing or damaged.  An execution that failed has no more
 *		than execution.json, and that is no error
 *
 * Return: 0 or -1
 */
int evidence_load(const char *folder, const struct spec_case *c, struct evidence *ret,
		  struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/execution.json", folder);
	json_error_t why;

	*ret = (struct evidence){ .c = c, .flows_len = c->traffic_len + PROBING_COUNT };
	ret->flows = calloc(ret->flows_len, sizeof(*ret->flows));
	if (!ret->flows)
		return err_set(err, ENOMEM, "cannot grade");
	ret->execution = json_load_file(path, 0, &why);
	if (!ret->execution)
		return err_set(err, 0, "cannot read '%s': %s", path, why.text);
	if (check_outcome(ret, path, err))
		return -1;
	ret->until_ns = settled(ret);
	if (!is_complete(ret))
		return 0;
	return load_captures(ret, folder, err) || load_events(ret, folder, err) ? -1 : 0;
}

/** evidence_release() - Free it; idempotent */
void evidence_release(struct evidence *e)
{
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (int i = 0; i < END_COUNT; i++) {
			tcp_trace_release(&e->traces[l][i].tcp);
			trace_release(&e->traces[l][i].trace);
			free(e->traces[l][i].bytes);
			match_release(&e->matches[l][i]);
		}
	for (size_t i = 0; e->flows && i < e->flows_len; i++)
		free(e->flows[i].probes);
	free(e->flows);
	free(e->changes);
	json_decref(e->execution);
	*e = (struct evidence){ 0 };
}
