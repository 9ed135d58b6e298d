// SPDX-License-Identifier: Apache-2.0
/* Folders graded: every kind of verdict, every kind of damage. */
#include "grade/verdict.h"

#include "grade/grade.h"
#include "spec/name.h"
#include "spec/target.h"
#include "tests/run-folder.h"

#define TODAY "2026-06-01"

/* --- a folder of a table's row -------------------------------------------------------------- */

enum traffic_state { ALIVE, DEAD, LAZY /* answers, too few */ };

/** A deviation, as a table writes it. */
struct excuse {
	const char *case_id, *middlebox, *finding, *unless, *expires;
};

struct situation {
	const char *what;
	const char *more; /* a line more in the case */
	const char *expect; /* a line in place of its expectations, or NULL */
	enum traffic_state state;
	bool lost, counted; /* a frame on outside:up, as captures and as the link say */
	bool stalled; /* there is a finding: a device that waited */
	const char *error_kind; /* the execution failed */
	struct excuse deviation; /* case_id NULL: none */
	const char *verdict, *reason; /* the reason begins so */
};

#define DROP   "impair: [{link: outside, direction: up, engine: wire, drop: [3]}]"
#define RANDOM "impair: [{link: outside, direction: up, engine: wire, loss: 1%}]"
#define LIST2                                                                                      \
	"impair: [{link: outside, direction: up, engine: wire, drop: [3]},"                        \
	" {link: inside, direction: up, engine: wire, drop: [3]}]"
#define EITHER                                                                                     \
	"impair: [{link: outside, direction: up, engine: wire, loss: 1%},"                         \
	" {link: outside, direction: down, engine: wire, loss: 1%}]"
#define MUST   "expect: [{metric: echo.alive, is: yes}]"
#define SHOULD "expect: [{metric: tunnel.up, is: yes}, {metric: echo.alive, is: yes, level: S}]"
#define BOTH   "expect: [{metric: echo.delivery, min: 99%, level: S}, {metric: echo.alive, is: yes}]"

static const struct situation situations[] = {
	{ .what = "all holds", .verdict = "pass", .reason = "all 1 expectations hold" },
	{ .what = "an expectation does not",
	  .expect = MUST,
	  .state = DEAD,
	  .verdict = "fail",
	  .reason = "echo.alive is no, expected = yes" },
	{ .what = "the finding is told",
	  .expect = MUST,
	  .state = DEAD,
	  .stalled = true,
	  .verdict = "fail",
	  .reason = "echo.alive is no, expected = yes; device-queue-stuck: 2 packets waited" },
	{ .what = "a SHOULD does not hold",
	  .expect = SHOULD,
	  .state = DEAD,
	  .verdict = "warn",
	  .reason = "echo.alive is no" },
	{ .what = "a SHOULD and a MUST do not hold",
	  .expect = BOTH,
	  .state = DEAD,
	  .verdict = "fail",
	  .reason = "echo.alive is no" },
	{ .what = "only the SHOULD does not",
	  .expect = BOTH,
	  .state = LAZY,
	  .verdict = "warn",
	  .reason = "echo.delivery is 50%, expected >= 99%" },
	{ .what = "what was not measured does not hold",
	  .expect = "expect: [{metric: tcp.bytes, min: 0}]",
	  .verdict = "fail",
	  .reason = "tcp.bytes is none, expected >= 0" },
	{ .what = "a case of level S",
	  .more = "level: S",
	  .expect = MUST,
	  .state = DEAD,
	  .verdict = "warn",
	  .reason = "echo.alive is no" },

	{ .what = "planned and happened",
	  .more = DROP,
	  .lost = true,
	  .counted = true,
	  .verdict = "pass" },
	{ .what = "planned and not happened",
	  .more = DROP,
	  .verdict = "inconclusive",
	  .reason = "the planned loss did not take place" },
	{ .what = "only the link says so",
	  .more = DROP,
	  .counted = true,
	  .verdict = "inconclusive" },
	{ .what = "only the captures say so",
	  .more = DROP,
	  .lost = true,
	  .verdict = "inconclusive" },
	{ .what = "one of two lists",
	  .more = LIST2,
	  .lost = true,
	  .counted = true,
	  .verdict = "inconclusive" },
	{ .what = "a random loss",
	  .more = RANDOM,
	  .lost = true,
	  .counted = true,
	  .verdict = "pass" },
	{ .what = "a random loss that hit nothing", .more = RANDOM, .verdict = "inconclusive" },
	{ .what = "one of two random losses",
	  .more = EITHER,
	  .lost = true,
	  .counted = true,
	  .verdict = "pass" },
	{ .what = "not happened, and it fails",
	  .more = DROP,
	  .expect = MUST,
	  .state = DEAD,
	  .verdict = "inconclusive",
	  .reason = "the planned loss did not take place; and echo.alive" },
	{ .what = "not happened, and a deviation",
	  .more = DROP,
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one" },
	  .verdict = "inconclusive" },

	{ .what = "the harness broke",
	  .error_kind = "harness",
	  .verdict = "error",
	  .reason = "something broke" },
	{ .what = "the target broke",
	  .error_kind = "target",
	  .verdict = "error",
	  .reason = "something broke" },
	{ .what = "this machine lacks something",
	  .error_kind = "skip",
	  .verdict = "skip",
	  .reason = "something broke" },
	{ .what = "a target does not declare what the case needs",
	  .error_kind = "unsupported",
	  .verdict = "unsupported",
	  .reason = "something broke" },
	{ .what = "an error before an expectation",
	  .error_kind = "target",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one" },
	  .verdict = "error" },

	{ .what = "fails as expected",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one" },
	  .verdict = "xfail",
	  .reason = "echo.alive is no" },
	{ .what = "passes against expectation",
	  .deviation = { .case_id = "one" },
	  .verdict = "xpass",
	  .reason = "all 1 expectations hold, against the deviation: it cannot" },
	{ .what = "a deviation of another case",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "two" },
	  .verdict = "fail" },
	{ .what = "a deviation of every case",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "*" },
	  .verdict = "xfail" },
	{ .what = "that a case passes is nothing against one of every case",
	  .deviation = { .case_id = "*" },
	  .verdict = "pass" },
	{ .what = "with this device",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .middlebox = "asa-proxy" },
	  .verdict = "xfail" },
	{ .what = "with another device",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .middlebox = "router" },
	  .verdict = "fail" },
	{ .what = "with a device of which the name begins so",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .middlebox = "asa" },
	  .verdict = "fail" },
	{ .what = "with its finding",
	  .expect = MUST,
	  .state = DEAD,
	  .stalled = true,
	  .deviation = { .case_id = "one", .finding = "device-queue-stuck" },
	  .verdict = "xfail" },
	{ .what = "fails for another reason",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .finding = "hole-never-filled" },
	  .verdict = "fail" },
	{ .what = "passes, so that its finding is not there",
	  .deviation = { .case_id = "one", .finding = "hole-never-filled" },
	  .verdict = "xpass" },
	{ .what = "unless the carriage has the option",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .unless = "retransmit=on" },
	  .verdict = "fail" },
	{ .what = "which has another value",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .unless = "retransmit=off" },
	  .verdict = "xfail" },
	{ .what = "or another name",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .unless = "retransmi=on" },
	  .verdict = "xfail" },
	{ .what = "excluded, and passes",
	  .deviation = { .case_id = "one", .unless = "retransmit=on" },
	  .verdict = "pass" },
	{ .what = "until today",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .expires = TODAY },
	  .verdict = "xfail" },
	{ .what = "until yesterday",
	  .expect = MUST,
	  .state = DEAD,
	  .deviation = { .case_id = "one", .expires = "2026-05-31" },
	  .verdict = "fail" },
	{ .what = "expired, and passes",
	  .deviation = { .case_id = "one", .expires = "2026-05-31" },
	  .verdict = "pass" },
	{ .what = "a SHOULD needs no deviation",
	  .expect = SHOULD,
	  .state = DEAD,
	  .deviation = { .case_id = "one" },
	  .verdict = "warn" },
};

static struct spec_case *load_case(const char *more, const char *expect)
{
	char text[4096] = "";
	struct err err = { 0 };
	struct spec_case *c;
	size_t used = 0;

	for (size_t i = 0; i < GOOD_LINES; i++) {
		bool replaced = expect && strncmp(good_lines[i], "expect", 6) == 0;

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n",
					 replaced ? expect : good_lines[i]);
	}
	snprintf(text + used, sizeof(text) - used,
		 "traffic: [{echo: {interval: 100ms, duration: 10s}}]\n%s", more ? more : "");
	files_text("cases/seed/one.yaml", text);
	c = spec_case_load("cases/seed/one.yaml", &err);
	if (!c) {
		printf("Bail out! %s\n%s", err.text, text);
		exit(1);
	}
	return c;
}

static void make_folder(const struct situation *s)
{
	uint8_t frame[FRAME_MAX];
	size_t len = frame_udp(frame, false, 1, 100);
	struct folder f;

	folder_begin(&f, "run");
	for (unsigned n = 1; n <= 100; n++)
		folder_probe(&f, 0, n, FOLDER_T0 + n * NS_PER_MS * 100,
			     s->state == ALIVE || (s->state == LAZY && n % 2) ? NS_PER_MS : 0);
	folder_cross(&f, FOLDER_T0 + NS_PER_S, LINK_OUTSIDE, DIR_UP, frame, len, HOP_NS, s->lost);
	folder_count(&f, LINK_OUTSIDE, DIR_UP, "dropped", s->counted);
	if (s->stalled)
		folder_device(&f, "tcp-buffer-timeout", 2);
	if (s->error_kind) {
		json_object_set_new(f.execution, "outcome", json_string("failed"));
		json_object_set_new(
			f.execution, "error",
			json_pack("{s:s, s:s}", "kind", s->error_kind, "text", "something broke"));
	}
	folder_end(&f);
}

static const struct excuse none;

static json_t *grade_with(const struct spec_case *c, const struct excuse *x)
{
	struct deviation d = { .case_id = (char *)x->case_id,
			       .middlebox = (char *)x->middlebox,
			       .finding = (char *)x->finding,
			       .unless = (char *)x->unless,
			       .expires = (char *)x->expires,
			       .reason = (char *)"it cannot" };
	const struct target target = { .deviations = &d, .deviations_len = x != &none };
	const struct target *targets[] = { NULL, &target };
	struct err err = { 0 };
	struct pair pair;
	json_t *verdict;

	if (pair_parse("strongswan@ctcp,retransmit=on", &pair, &err))
		abort();
	verdict = grade_folder("run",
			       &(struct grade_input){ .c = c,
						      .pair = &pair,
						      .targets = targets,
						      .targets_len = 2,
						      .today = TODAY },
			       &err);
	if (!verdict)
		printf("# %s\n", err.text);
	pair_release(&pair);
	return verdict;
}

static const char *text_of(const json_t *verdict, const char *key)
{
	const char *text = json_string_value(json_object_get(verdict, key));

	return text ? text : "(none)";
}

static void test_situations(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(situations); i++) {
		const struct situation *s = &situations[i];
		AUTO_CASE struct spec_case *c = load_case(s->more, s->expect);
		const char *begins = s->reason ? s->reason : "";
		json_t *verdict;
		bool excused;

		make_folder(s);
		verdict = grade_with(c, s->deviation.case_id ? &s->deviation : &none);
		tap_str(text_of(verdict, "verdict"), s->verdict, "%s: %s", s->what, s->verdict);
		tap_ok(strncmp(text_of(verdict, "reason"), begins, strlen(begins)) == 0, "%s: '%s'",
		       s->what, text_of(verdict, "reason"));
		excused = *s->verdict == 'x';
		tap_is(json_is_object(json_object_get(verdict, "deviation")), excused,
		       "%s: the deviation is named if it counts", s->what);
		json_decref(verdict);
	}
}

/* --- what else a verdict has ------------------------------------------------------------------ */

static void test_members(void)
{
	static const char *const members[] = {
		"case",	     "series",	  "title",	 "client",    "headend",      "carriage",
		"pair",	     "middlebox", "runtime",	 "seed",      "verdict",      "reason",
		"measured",  "level",	  "requirement", "clause",    "expectations", "findings",
		"metrics",   "timeline",  "witness",	 "deviation", "error",	      "digest",
		"virtual_s", "wall_s",	  "versions",	 "repeat",
	};
	AUTO_CASE struct spec_case *c = load_case(DROP, MUST);
	const struct situation s = { .lost = true, .counted = true };
	json_t *verdict;
	size_t missing = 0;

	make_folder(&s);
	verdict = grade_with(c, &none);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		missing += !json_object_get(verdict, members[i]);
	tap_is(missing, 0, "a verdict has all its members");
	tap_is(json_object_size(verdict), ARRAY_SIZE(members), "and no other");
	tap_is(json_integer_value(json_object_get(verdict, "seed")), 7, "the seed");
	tap_str(text_of(json_array_get(json_object_get(verdict, "expectations"), 0), "actual"),
		"yes", "what was measured");
	tap_is(strlen(text_of(verdict, "digest")), 64, "a digest");
	tap_str(text_of(verdict, "repeat"),
		"dupack run 'seed/one' --pair 'strongswan@ctcp,retransmit=on' --middlebox "
		"'asa-proxy,queue-limit=5' --seed 7",
		"how to repeat it");
	json_decref(verdict);
}

static void test_repeat(void)
{
	AUTO_CASE struct spec_case *c = load_case(NULL, NULL);
	struct err err = { 0 };
	struct folder f;
	json_t *verdict;

	folder_begin(&f, "run");
	json_object_set_new(f.execution, "runtime", json_string("host"));
	folder_end(&f);
	verdict = grade_with(c, &none);
	tap_str(text_of(verdict, "repeat"),
		"dupack run 'seed/one' --pair 'strongswan@ctcp,retransmit=on' --middlebox "
		"'asa-proxy,queue-limit=5' --seed 7 --runtime host",
		"another runtime");
	json_decref(verdict);
	spec_case_free(c);
	files_case("elsewhere/one.yaml", 0, "");
	c = spec_case_load("elsewhere/one.yaml", &err);
	verdict = grade_with(c, &none);
	tap_ok(strncmp(text_of(verdict, "repeat"), "dupack run 'elsewhere/one.yaml' --pair", 38) ==
		       0,
	       "a case of another folder by its file: %s", text_of(verdict, "repeat"));
	json_decref(verdict);
}

/* --- the digest, damage -------------------------------------------------------------------------
 */

static void digest_of(const struct spec_case *c, char ret[65])
{
	json_t *verdict = grade_with(c, &none);

	snprintf(ret, 65, "%s", text_of(verdict, "digest"));
	json_decref(verdict);
}

static void test_digest(void)
{
	AUTO_CASE struct spec_case *c = load_case(NULL, NULL);
	AUTO_FREE char *bytes = NULL;
	const struct situation s = { 0 };
	char first[65], again[65], changed[65];
	struct err err = { 0 };
	size_t len = 0;

	make_folder(&s);
	digest_of(c, first);
	make_folder(&s);
	digest_of(c, again);
	tap_str(again, first, "the same digest of the same captures");
	bytes = io_read_file("run/internet-outside.pcapng", &len, &err);
	/* the last byte of the frame: in front of its options and the length */
	if (bytes)
		bytes[len - 4 - 12 - 4] ^= 1;
	files_write("run/internet-outside.pcapng", bytes, len);
	digest_of(c, changed);
	tap_ok(strcmp(changed, first) != 0 && strlen(changed) == 64, "another if one byte differs");
}

static void check_error(const struct spec_case *c, const char *why, const char *what, size_t n)
{
	json_t *verdict = grade_with(c, &none);

	if (!tap_ok(!strcmp(text_of(verdict, "verdict"), "error") &&
			    strstr(text_of(verdict, "reason"), why),
		    "%s, %zu: %s", what, n, text_of(verdict, "reason")))
		printf("# %s\n", text_of(verdict, "verdict"));
	json_decref(verdict);
}

static void test_damage(void)
{
	static const char *const files[] = {
		"execution.json",	   "events.jsonl",
		"client-access.pcapng",	   "internet-access.pcapng",
		"internet-outside.pcapng", "middlebox-outside.pcapng",
		"middlebox-inside.pcapng", "headend-inside.pcapng",
		"headend-lan.pcapng",	   "server-lan.pcapng",
	};
	AUTO_CASE struct spec_case *c = load_case(NULL, NULL);
	const struct situation s = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_FREE char *path = io_printf("run/%s", files[i]), *bytes = NULL;
		struct err err = { 0 };
		size_t len = 0;

		make_folder(&s);
		bytes = io_read_file(path, &len, &err);
		unlink(path);
		check_error(c, files[i], "missing", i);
		/* an empty file of events is a case without traffic */
		for (size_t cut = strcmp(files[i], "events.jsonl") ? 0 : 1; cut < len;
		     cut += len / 3) {
			files_write(path, bytes, cut);
			check_error(c, files[i], "cut short", cut);
		}
	}
}

/* Whole blocks are missing at the end of a capture: only its number of frames tells */
static void test_missing_frames(void)
{
	AUTO_CASE struct spec_case *c = load_case(NULL, NULL);
	AUTO_FREE char *head = NULL;
	const struct situation s = { 0 };
	struct err err = { 0 };
	size_t len;

	make_folder(&s);
	head = io_read_file("run/server-lan.pcapng", &len, &err);
	files_write("run/internet-outside.pcapng", head, len);
	check_error(c, "internet-outside.pcapng", "a capture without its frame", 1);
}

static void test_execution(void)
{
	static const struct {
		const char *text, *why;
	} table[] = {
		{ "", "execution.json" },
		{ "{", "execution.json" },
		{ "[]", "execution.json" },
		{ "null", "execution.json" },
		{ "{}", "outcome" },
		{ "{\"outcome\": 5}", "outcome" },
		{ "{\"outcome\": \"failed\"}", "outcome" },
		{ "{\"outcome\": \"failed\", \"error\": 7}", "outcome" },
		{ "{\"outcome\": \"failed\", \"error\": {}}", "outcome" },
		{ "{\"outcome\": \"complete\"}", "captures" },
		{ "{\"outcome\": \"complete\", \"captures\": {}}", "captures" },
		{ "{\"outcome\": \"complete\", \"captures\": [1,2,3,4,5,6,7,8]}", "capture" },
		{ "{\"outcome\": \"complete\", \"captures\": [{\"file\": \"x\", \"lost\": 2}]}",
		  "'x' lost 2 frames" },
		{ "{\"outcome\": \"complete\", \"captures\": [{\"lost\": 2}]}", "lost 2 frames" },
		{ "{\"outcome\": \"complete\", \"captures\": [{\"file\": \"x\", \"oversize\": 2}]}",
		  "larger than the MTU" },
		{ "\xff\xfe", "execution.json" },
		{ "{\"a\": \"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
		  "execution.json" },
	};
	AUTO_CASE struct spec_case *c = load_case(NULL, NULL);
	const struct situation s = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		make_folder(&s);
		files_text("run/execution.json", table[i].text);
		check_error(c, table[i].why, table[i].text, i);
	}
}

/* A reason is cut to its room, and not in the middle of a character */
static void test_long_error(void)
{
	AUTO_CASE struct spec_case *c = load_case(NULL, NULL);

	for (size_t shift = 0; shift < 4; shift++) {
		AUTO_FREE char *text = calloc(1, 4096);
		json_t *execution, *verdict;

		memset(text, 'x', shift);
		for (size_t i = shift; i < shift + 1998; i++) /* euro signs */
			text[i] = "\xe2\x82\xac"[(i - shift) % 3];
		execution = json_pack("{s:s, s:{s:s, s:s}}", "outcome", "failed", "error", "kind",
				      "target", "text", text);
		json_dump_file(execution, "run/execution.json", 0);
		json_decref(execution);
		verdict = grade_with(c, &none);
		tap_str(text_of(verdict, "verdict"), "error", "an error of 2000 bytes");
		tap_ok(strlen(text_of(verdict, "reason")) > 400, "its reason has %zu bytes",
		       strlen(text_of(verdict, "reason")));
		json_decref(verdict);
	}
}

static void test_events(void)
{
	static const char *const wrong[] = { "{\"t\":1}", "x\n", "{\"t\":1}\n{\"t\n", "\xff\n" };
	AUTO_CASE struct spec_case *c = load_case(NULL, NULL);
	const struct situation s = { 0 };

	make_folder(&s);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		files_text("run/events.jsonl", wrong[i]);
		check_error(c, "events.jsonl", "events", i);
	}
	files_write("run/events.jsonl", "{\"t\":1}\n\0{\"t\":1}\n", 18);
	check_error(c, "events.jsonl", "events with a zero byte", 0);
}

int main(void)
{
	files_begin();
	test_situations();
	test_members();
	test_repeat();
	test_digest();
	test_damage();
	test_missing_frames();
	test_execution();
	test_long_error();
	test_events();
	return tap_done();
}
