// SPDX-License-Identifier: Apache-2.0
/*
 * Folders graded for their witness: what was planned, what the engines counted, and what
 * follows when it did not take place.  Whoever takes a fault for granted fails here.
 */
#include "grade/witness.h"

#include "grade/grade.h"
#include "spec/name.h"
#include "tests/run-folder.h"

#define TRAFFIC	 "traffic: [{echo: {interval: 100ms, duration: 60s}}]\n"
#define OUTSIDE	 "link: outside, direction: up"
#define DROP	 "{on: 'esp:seq5', do: drop}"
#define ONE_DROP "{\"dropped\": 1, \"acted\": 1}"
#define RULES(r) "impair:\n- {" OUTSIDE ", engine: wire, act: [" r "]}"
/* Rules of the other direction come first or last, and are not ours */
#define ACTED(n)                                                                                   \
	"[{\"direction\": \"down\", \"happened\": 9}, {\"direction\": \"up\", \"happened\": " #n   \
	"}]"

/* A row: a case, counters of outside:up, and what came of the first entry of its timeline */
static const struct situation {
	const char *what, *lines;
	bool lost; /* the captures see a loss on outside:up */
	const char *counters; /* of outside:up, as JSON */
	const char *timeline; /* of execution.json, as JSON, or NULL */
	const char *missing; /* NULL: it took place */
	int happened; /* of the last row of detail; -1: null */
} situations[] = {
	{ "a duplicate", "impair: [{" OUTSIDE ", duplicate: 1%}]", false,
	  "{\"dropped\": 0, \"duplicated\": 3}", NULL, NULL, 3 },
	{ "no duplicate", "impair: [{" OUTSIDE ", duplicate: 1%}]", false,
	  "{\"dropped\": 7, \"duplicated\": 0}", NULL, "duplicate", 0 },
	{ "a corruption that nobody saw", "impair: [{" OUTSIDE ", corrupt: 1%}]", false,
	  "{\"dropped\": 0, \"corrupted\": null}", NULL, "corrupt", 0 },
	{ "reordered", "impair: [{" OUTSIDE ", delay: 9ms, reorder: 1%}]", false,
	  "{\"reordered\": 2, \"delayed\": 90}", NULL, NULL, 90 },
	{ "not reordered", "impair: [{" OUTSIDE ", delay: 9ms, reorder: 1%}]", false,
	  "{\"reordered\": 0, \"delayed\": 90}", NULL, "reorder", 90 },
	{ "a delay is no fault", "impair: [{" OUTSIDE ", delay: 9ms}]", false, "{\"delayed\": 0}",
	  NULL, NULL, 0 },
	{ "nor a rate whose frames nobody counts", "impair: [{" OUTSIDE ", rate: 1mbit}]", false,
	  "{\"delayed\": null}", NULL, NULL, -1 },
	{ "a list", "impair: [{" OUTSIDE ", engine: wire, drop: [3, 9, 20]}]", true,
	  "{\"dropped\": 2, \"counted\": 10}", NULL, NULL, 2 },
	{ "a loss is not the list's", "impair: [{" OUTSIDE ", engine: wire, loss: 5%, drop: [20]}]",
	  true, "{\"dropped\": 2, \"counted\": 10}", NULL, "loss", 2 },
	{ "a list is not the loss's", "impair: [{" OUTSIDE ", engine: wire, loss: 5%, drop: [9]}]",
	  true, "{\"dropped\": 1, \"counted\": 10}", NULL, "loss", 0 },

	{ "a window", "timeline: [{from: 1s, to: 2s, " OUTSIDE ", loss: 9%}]", true,
	  "{\"dropped\": 4}", "[{\"begun\": 1, \"up\": {\"dropped\": 4}}]", NULL, 4 },
	{ "a window without a loss", "timeline: [{from: 1s, to: 2s, " OUTSIDE ", loss: 9%}]", true,
	  "{\"dropped\": 4}", "[{\"begun\": 1, \"up\": {\"dropped\": 0}}]", "loss from 1s to 2s",
	  0 },
	{ "a window that never began", "timeline: [{from: 1s, to: 2s, " OUTSIDE ", loss: 9%}]",
	  true, "{\"dropped\": 4}", "[{\"begun\": 0}]", "loss from 1s to 2s", 0 },
	{ "a window without captures of it",
	  "timeline: [{from: 1s, to: 2s, " OUTSIDE ", loss: 9%}]", false, "{\"dropped\": 4}",
	  "[{\"begun\": 1, \"up\": {\"dropped\": 4}}]", "loss from 1s to 2s", 0 },
	{ "what a block lost is not the window's",
	  "timeline: [{from: 1s, to: 2s, " OUTSIDE ", loss: 9%}]", true, "{\"dropped\": 4}",
	  "[{\"begun\": 1, \"up\": {\"dropped\": 4, \"blocked\": 4}}]", "loss from 1s to 2s", 0 },
	{ "what a window lost is not the case's",
	  "impair: [{" OUTSIDE ", loss: 1%}]\n"
	  "timeline: [{from: 1s, to: 2s, " OUTSIDE ", loss: 9%}]",
	  true, "{\"dropped\": 4}", "[{\"begun\": 1, \"up\": {\"dropped\": 4}}]", "loss", 4 },
	{ "both lost",
	  "impair: [{" OUTSIDE ", loss: 1%}]\n"
	  "timeline: [{from: 1s, to: 2s, " OUTSIDE ", loss: 9%}]",
	  true, "{\"dropped\": 5}", "[{\"begun\": 1, \"up\": {\"dropped\": 4}}]", NULL, 4 },
	{ "a block", "timeline: [{every: 9s, for: 1s, link: outside, do: block}]", true,
	  "{\"dropped\": 5, \"blocked\": 5}",
	  "[{\"begun\": 3, \"up\": {\"blocked\": 5}, \"down\": {\"blocked\": 0}}]", NULL, 0 },
	{ "a block of nothing", "timeline: [{every: 9s, for: 1s, link: outside, do: block}]", true,
	  "{\"dropped\": 5}", "[{\"begun\": 3, \"up\": {\"blocked\": 0}}]", "block every 9s for 1s",
	  0 },
	{ "an outage", "timeline: [{at: 1s, for: 1s, link: outside, do: down}]", false, "{}",
	  "[{\"begun\": 1, \"ended\": 1}]", NULL, 1 },
	{ "no outage", "timeline: [{at: 1s, for: 1s, link: outside, do: down}]", false, "{}",
	  "[{\"begun\": 0}]", "down at 1s for 1s", 0 },
	{ "an MTU that nobody set", "timeline: [{at: 1s, link: outside, mtu: 1280}]", false, "{}",
	  NULL, "mtu 1280 at 1s", 0 },
	{ "a new address", "timeline: [{at: 1s, node: client, do: renumber}]", false, "{}",
	  "[{\"begun\": 1}]", NULL, 1 },
	{ "no new address", "timeline: [{at: 1s, node: client, do: renumber}]", false, "{}",
	  "[{\"begun\": 0}]", "renumber at 1s", 0 },
};

/* Rules for messages, and what the link says of them */
static const struct {
	struct situation s;
	const char *acts; /* as JSON, or NULL */
} rules[] = {
	{ { "a rule that dropped", RULES(DROP), true, ONE_DROP, NULL, NULL, 1 }, ACTED(1) },
	{ { "a rule that did not", RULES(DROP), true, "{\"dropped\": 1, \"acted\": 0}", NULL,
	    "drop of esp:seq5 on outside:up", 0 },
	  ACTED(0) },
	{ { "a rule that nobody reported", RULES(DROP), true, ONE_DROP, NULL,
	    "drop of esp:seq5 on outside:up", 0 },
	  NULL },
	{ { "a drop that the captures do not see", RULES(DROP), false, ONE_DROP, NULL,
	    "drop of esp:seq5 on outside:up", 0 },
	  ACTED(1) },
	{ { "the second of two rules", RULES(DROP ", {on: frag, do: delay, by: 1s}"), true,
	    ONE_DROP, NULL, "delay of frag on outside:up", 0 },
	  ACTED(1) },
	{ { "what a rule dropped is not the loss's", RULES(DROP) "\n- {" OUTSIDE ", loss: 1%}",
	    true, ONE_DROP, NULL, "loss", 1 },
	  ACTED(1) },
};

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	if (!json)
		abort();
	return json;
}

static json_t *grade(const char *lines, struct folder *f, const char *path)
{
	AUTO_FREE char *more = io_printf(TRAFFIC "%s", lines);
	AUTO_CASE struct spec_case *c = folder_case(more);
	struct err err = { 0 };
	struct pair pair;
	json_t *verdict;

	folder_end(f);
	if (pair_parse("null", &pair, &err))
		abort();
	verdict = grade_folder(
		path, &(struct grade_input){ .c = c, .pair = &pair, .today = "2026-01-01" }, &err);
	if (!verdict)
		abort();
	pair_release(&pair);
	return verdict;
}

static void lose_one(struct folder *f, bool lost)
{
	uint8_t frame[FRAME_MAX];
	size_t len = frame_udp(frame, false, 1, 100);

	folder_cross(f, FOLDER_T0 + NS_PER_S, LINK_OUTSIDE, DIR_UP, frame, len, HOP_NS, lost);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(none)";
}

static void check_situation(const struct situation *s, const char *acts)
{
	AUTO_FREE char *reason =
		io_printf("the planned %s did not take place", s->missing ? s->missing : "");
	const json_t *witness, *detail, *last, *happened;
	struct folder f;
	json_t *verdict, *link;

	folder_begin(&f, "run");
	lose_one(&f, s->lost);
	link = json_pack("{s:s, s:o}", "link", "outside", "up", parse(s->counters));
	if (acts)
		json_object_set_new(link, "acts", parse(acts));
	json_array_append_new(json_object_get(f.execution, "links"), link);
	if (s->timeline)
		json_object_set_new(f.execution, "timeline", parse(s->timeline));
	verdict = grade(s->lines, &f, "run");
	witness = json_object_get(verdict, "witness");
	detail = json_object_get(witness, "detail");
	last = json_array_get(detail, json_array_size(detail) - 1);
	happened = json_object_get(last, "happened");
	tap_str(text_of(verdict, "verdict"), s->missing ? "inconclusive" : "pass", "%s", s->what);
	if (s->missing)
		tap_str(text_of(verdict, "reason"), reason, "%s: why", s->what);
	tap_is(json_is_true(json_object_get(witness, "happened")), !s->missing, "%s: happened",
	       s->what);
	tap_is(json_is_null(happened) ? -1 : json_integer_value(happened), s->happened,
	       "%s: how much", s->what);
	json_decref(verdict);
}

/* A device's options, as its execution says which counters stand for them */
static void test_device(void)
{
	for (int n = 0; n < 2; n++) {
		const json_t *witness;
		struct folder f;
		json_t *verdict, *device;

		folder_begin(&f, "run");
		device = json_object_get(f.execution, "device");
		json_object_set_new(device, "witness",
				    parse("[{\"option\": \"queue-limit=1\", \"counter\": "
					  "\"tcp-buffer-full\"}]"));
		folder_device(&f, "tcp-buffer-full", n);
		folder_device(&f, "tcp-acked", 0);
		verdict = grade("", &f, "run");
		witness = json_object_get(verdict, "witness");
		tap_str(text_of(verdict, "verdict"), n ? "pass" : "inconclusive",
			"an option whose counter is %d", n);
		tap_str(text_of(json_array_get(json_object_get(witness, "detail"), 0), "planned"),
			"queue-limit=1", "is named");
		tap_is(json_object_size(json_object_get(witness, "device")), n,
		       "counters that are not zero are shown");
		if (!n)
			tap_str(text_of(verdict, "reason"),
				"the planned effect of queue-limit=1 (counter tcp-buffer-full) did not take place",
				"and why");
		json_decref(verdict);
	}
}

/* What began and ended is in the timeline of the verdict, from the first probe on */
static void test_changes(void)
{
	const json_t *changes, *first, *second;
	struct folder f;
	json_t *verdict;

	folder_begin(&f, "run");
	folder_probe(&f, 0, 1, FOLDER_T0 + NS_PER_S, NS_PER_MS);
	folder_probe(&f, 0, 2, FOLDER_T0 + 2 * NS_PER_S, NS_PER_MS);
	folder_event(&f, "{\"t\":%llu,\"event\":\"timeline\",\"entry\":0,\"turn\":\"begin\"}",
		     (unsigned long long)(FOLDER_T0 + 3 * NS_PER_S));
	folder_event(&f, "{\"t\":%llu,\"event\":\"timeline\",\"entry\":0,\"turn\":\"end\"}",
		     (unsigned long long)(FOLDER_T0 + 4 * NS_PER_S));
	folder_event(&f, "{\"t\":1,\"event\":\"timeline\",\"entry\":9,\"turn\":\"begin\"}");
	json_object_set_new(f.execution, "timeline", parse("[{\"begun\": 1, \"ended\": 1}]"));
	verdict = grade("timeline: [{at: 2s, for: 1s, link: outside, do: down}]", &f, "run");
	changes = json_object_get(json_object_get(verdict, "timeline"), "changes");
	first = json_array_get(changes, 0);
	second = json_array_get(changes, 1);
	tap_is(json_array_size(changes), 2, "two changes; one of no entry is nothing");
	tap_str(text_of(first, "what"), "outside: down", "what");
	tap_is((int)(1000 * json_number_value(json_object_get(first, "t_s"))), 2000, "when");
	tap_ok(!json_is_true(json_object_get(first, "ends")) &&
		       json_is_true(json_object_get(second, "ends")),
	       "a begin and an end");
	json_decref(verdict);
}

int main(void)
{
	files_begin();
	for (size_t i = 0; i < ARRAY_SIZE(situations); i++)
		check_situation(&situations[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		check_situation(&rules[i].s, rules[i].acts);
	test_device();
	test_changes();
	return tap_done();
}
