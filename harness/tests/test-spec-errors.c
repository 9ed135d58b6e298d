// SPDX-License-Identifier: Apache-2.0
/*
 * spec/: what is wrong in a case file is said with its line and column.  The
 * positions were counted by hand.
 */
#include "spec/case.h"
#include "tests/spec-files.h"

#define KNOWN_KEYS                                                                                 \
	"known: title, requirement, clause, level, family, inner, needs, pairs, middleboxes, "     \
	"profiles, impair, timeline, traffic, before, idle, after, dpd, rekey, limits, expect"
#define KNOWN_IMPAIR                                                                               \
	"known: link, direction, engine, delay, jitter, delay-correlation, distribution, loss, "   \
	"gemodel, state, duplicate, duplicate-correlation, corrupt, corrupt-correlation, "         \
	"reorder, gap, reorder-correlation, rate, overhead, limit, slot, drop, count, act, arm"

static const struct row {
	const char *name;
	unsigned line; /* of the good case, replaced by */
	const char *with;
	const char *want; /* behind the name of the file */
} rows[] = {
	/* keys */
	{ "unknown key, near", 7, "trafic: []",
	  "7:1: unknown key 'trafic': did you mean 'traffic'? " KNOWN_KEYS },
	{ "unknown key, far", 7, "banana: 1", "7:1: unknown key 'banana': " KNOWN_KEYS },
	{ "repeated key", 7, "title: B", "7:1: key 'title' is here twice: the first is in line 1" },
	{ "missing title", 1, "# no title", "2:1: key 'title' is missing: write it" },
	{ "missing requirement", 2, "# none", "1:1: key 'requirement' is missing: write it" },
	{ "missing clause", 3, "# none", "1:1: key 'clause' is missing: write it" },
	{ "missing pairs", 4, "# none", "1:1: key 'pairs' is missing: write it" },
	{ "missing middleboxes", 5, "# none", "1:1: key 'middleboxes' is missing: write it" },
	{ "missing expect", 6, "# none", "1:1: key 'expect' is missing: write it" },
	{ "a list as key", 7, "[a]: b", "7:1: a key must be one word" },
	{ "line break in a key", 7, "\"a\\nb\": c", "7:1: unknown key 'a?b': " KNOWN_KEYS },

	/* types */
	{ "text is a list", 1, "title: [a]", "1:8: this must be a text, not a list" },
	{ "text is a mapping", 1, "title: {a: b}", "1:8: this must be a text, not a mapping" },
	{ "text is empty", 1, "title:", "1:7: nothing is written here: write a text" },
	{ "text is blank", 1, "title: \"  \"", "1:8: nothing is written here: write a text" },
	{ "text with a line break", 1, "title: \"a\\nb\"",
	  "1:8: a line break inside a text: write one line" },
	{ "text with NUL", 1, "title: \"a\\0b\"", "1:8: a NUL character inside a text: remove it" },
	{ "list is a text", 4, "pairs: null", "4:8: 'pairs' must be a list: write [one, two]" },
	{ "list is empty", 4, "pairs: []", "4:8: 'pairs' is empty: write at least one item" },
	{ "no expectation", 6, "expect: []", "6:9: 'expect' is empty: write at least one item" },
	{ "limits is a text", 7, "limits: 30s", "7:9: this must be a mapping of keys to values" },
	{ "level", 7, "level: MUST", "7:8: unknown word 'MUST': known: R, S, M" },
	{ "family", 7, "family: ipv5",
	  "7:9: unknown word 'ipv5': did you mean 'ipv4'? known: ipv4, ipv6" },

	/* pairs and middleboxes */
	{ "pair with a space", 4, "pairs: [a b]",
	  "4:9: 'a b' is not a pair: write CLIENT[:HEADEND][@CARRIAGE][,KEY=VALUE]..." },
	{ "second pair is bad", 4, "pairs: [null, 'a@']",
	  "4:15: 'a@' is not a pair: write CLIENT[:HEADEND][@CARRIAGE][,KEY=VALUE]..." },
	{ "pair is a mapping", 4, "pairs: [{a: b}]",
	  "4:9: a pair is one word: CLIENT[:HEADEND][@CARRIAGE]" },
	{ "pair option", 4, "pairs: ['a@b,c']",
	  "4:9: 'c' is not an option: write KEY=VALUE of letters, digits, '.', '_' and '-'" },
	{ "pair twice", 4, "pairs: [null, a@b, null]", "4:20: 'null' is here twice: keep one" },
	{ "middlebox", 5, "middleboxes: [../x]",
	  "5:15: '../x' is not a name: write letters, digits, '.', '_' and '-'" },
	{ "profile", 7, "profiles: [esp, any, plain]",
	  "7:22: unknown word 'plain': known: any, ctcp, iketcp, ike, esp, cstp, dtls, wg, ovu, "
	  "ovt" },
	{ "profile twice", 7, "profiles: [esp, esp]", "7:17: 'esp' is here twice: keep one" },
	{ "middlebox twice", 5, "middleboxes: [router, router]",
	  "5:23: 'router' is here twice: keep one" },
	{ "middlebox option twice", 5, "middleboxes: ['asa,a=1,a=2']",
	  "5:15: option 'a' is here twice: keep one" },

	/* units and ranges */
	{ "duration without unit", 7, "idle: 10",
	  "7:7: '10' is not a duration: write a number and ns, us, ms, s, min or h" },
	{ "duration with a wrong unit", 7, "dpd: 10sec",
	  "7:6: '10sec' is not a duration: write a number and ns, us, ms, s, min or h" },
	{ "duration is empty", 7, "dpd:", "7:5: nothing is written here: write a duration" },
	{ "negative duration", 7, "dpd: -1s",
	  "7:6: '-1s' is not a duration: write a number and ns, us, ms, s, min or h" },
	{ "limit is zero", 7, "limits: {up: 0s}",
	  "7:14: '0s' is out of range: write more than 0s, at most 24h" },
	{ "wall limit", 7, "limits: {wall: 1ms}", "7:16: '1ms' is out of range: write 1s to 24h" },
	{ "unknown limit", 7, "limits: {upp: 1s}",
	  "7:10: unknown key 'upp': did you mean 'up'? known: up, wall" },
	{ "percentage", 7, "impair: [{link: lan, loss: 0.01}]",
	  "7:28: '0.01' is not a percentage: write a number from 0 to 100 and %" },
	{ "percentage above 100", 7, "impair: [{link: lan, loss: 101%}]",
	  "7:28: '101%' is not a percentage: write a number from 0 to 100 and %" },
	{ "rate", 7, "impair: [{link: lan, rate: 10}]",
	  "7:28: '10' is not a rate: write a number and bit, kbit, mbit or gbit" },
	{ "rate out of range", 7, "impair: [{link: lan, rate: 1bit}]",
	  "7:28: '1bit' is out of range: write 1kbit to 1000gbit" },
	{ "count", 7, "impair: [{link: lan, limit: 1.5}]",
	  "7:29: '1.5' is not a count: write a whole number without a unit" },
	{ "count out of range", 7, "impair: [{link: lan, limit: 0}]",
	  "7:29: '0' is out of range: write 1 to 4294967295 packets" },
	{ "delay out of range", 7, "impair: [{link: lan, delay: 2h}]",
	  "7:29: '2h' is out of range: write 0s to 1h" },

	/* impair */
	{ "impair is a mapping", 7, "impair: {link: lan}",
	  "7:9: 'impair' must be a list: write an item per link, - {link: outside, loss: 1%}" },
	{ "entry is a text", 7, "impair: [lan]", "7:10: this must be a mapping of keys to values" },
	{ "no link", 7, "impair: [{loss: 1%}]", "7:10: key 'link' is missing: write it" },
	{ "unknown link", 7, "impair: [{link: outsid}]",
	  "7:17: unknown word 'outsid': did you mean 'outside'? known: access, outside, inside, "
	  "lan" },
	{ "unknown direction", 7, "impair: [{link: lan, direction: sideways}]",
	  "7:33: unknown word 'sideways': known: up, down, both" },
	{ "unknown engine", 7, "impair: [{link: lan, engine: none}]",
	  "7:30: unknown word 'none': known: netem, wire" },
	{ "unknown key of an entry", 7, "impair: [{link: lan, losss: 1%}]",
	  "7:22: unknown key 'losss': did you mean 'loss'? " KNOWN_IMPAIR },
	{ "an error in one direction is said once", 7, "impair: [{link: lan, drop: [1]}]",
	  "7:28: 'drop' needs engine: wire (here it is netem): netem cannot lose frames by "
	  "position" },
	{ "drop list with netem", 7,
	  "impair: [{link: lan, engine: netem, direction: up, drop: [1]}]",
	  "7:58: 'drop' needs engine: wire (here it is netem): netem cannot lose frames by "
	  "position" },
	{ "correlation of the delay with netem", 7,
	  "impair: [{link: lan, delay: 2ms, jitter: 1ms, delay-correlation: 25%}]",
	  "7:66: 'delay-correlation' needs engine: wire (here it is netem): the kernel takes the "
	  "draw modulo twice the jitter, and no correlation is left" },
	{ "correlation of all", 7,
	  "impair: [{link: lan, duplicate: 1%, duplicate-correlation: 100%}]",
	  "7:60: '100%' is out of range: write 0% to 99%" },
	{ "jitter without delay", 7, "impair: [{link: lan, jitter: 1ms}]",
	  "7:30: 'jitter' needs 'delay': no packet can arrive before it was sent" },
	{ "distribution without jitter", 7,
	  "impair: [{link: lan, delay: 1ms, distribution: normal}]",
	  "7:48: 'distribution' needs 'jitter': it is the jitter's" },
	{ "unknown distribution", 7,
	  "impair: [{link: lan, delay: 1ms, jitter: 1ms, distribution: norm}]",
	  "7:61: unknown word 'norm': known: uniform, normal, pareto, "
	  "paretonormal" },
	{ "reorder without delay", 7, "impair: [{link: lan, reorder: 1%}]",
	  "7:31: 'reorder' needs 'delay': a frame that does not wait overtakes those that do" },
	{ "gap without reorder", 7, "impair: [{link: lan, delay: 1ms, gap: 5}]",
	  "7:39: 'gap' needs 'reorder': it says which frames may be reordered" },
	{ "correlation without its ratio", 7, "impair: [{link: lan, corrupt-correlation: 5%}]",
	  "7:43: 'corrupt-correlation' needs 'corrupt': it is its correlation" },
	{ "overhead without rate", 7, "impair: [{link: lan, overhead: 20}]",
	  "7:32: 'overhead' needs 'rate': it is what the rate counts besides" },
	{ "slot without max", 7, "impair: [{link: lan, slot: {min: 1ms}}]",
	  "7:28: key 'max' is missing: write it" },
	{ "slot upside down", 7, "impair: [{link: lan, slot: {min: 2ms, max: 1ms}}]",
	  "7:44: 'max' is less than 'min': nothing can be both" },
	{ "state beyond 100%", 7, "impair: [{link: lan, state: {p13: 60%, p31: 50%, p14: 50%}}]",
	  "7:55: 'p13' and 'p14' are more than 100% together: both leave state 1" },
	{ "state 3 beyond 100%", 7, "impair: [{link: lan, state: {p13: 6%, p31: 60%, p32: 50%}}]",
	  "7:54: 'p31' and 'p32' are more than 100% together: both leave state 3" },
	{ "state and gemodel", 7,
	  "impair: [{link: lan, gemodel: {p: 1%, r: 30%}, state: {p13: 6%, p31: 60%}}]",
	  "7:55: 'gemodel' and 'state' are two models of loss: keep one of them" },
	{ "jitter above the kernel's", 7, "impair: [{link: lan, delay: 3s, jitter: 2200ms}]",
	  "7:41: netem's jitter ends at 2.147 s: use less, or engine: wire" },
	{ "rules with netem", 7, "impair: [{link: lan, act: [{on: esp, do: drop}]}]",
	  "7:27: 'act' needs engine: wire (here it is netem): netem does not know what a packet "
	  "means" },
	{ "a rule's pattern", 7,
	  "impair: [{link: lan, engine: wire, act: [{on: \"ike:IKE_OUT\", do: drop}]}]",
	  "7:52: 'IKE_OUT' says nothing about ike: ..." },
	{ "a rule's action", 7, "impair: [{link: lan, engine: wire, act: [{on: esp, do: drip}]}]",
	  "7:56: unknown word 'drip': did you mean 'drop'? known: drop, duplicate, delay, hold, "
	  "corrupt, truncate" },
	{ "drop list does not ascend", 7, "impair: [{link: lan, engine: wire, drop: [3, 7, 7]}]",
	  "7:49: '7' does not ascend: write the positions in order, each once" },
	{ "drop list from 0", 7, "impair: [{link: lan, engine: wire, drop: [0]}]",
	  "7:43: '0' is no position: the first frame is 1" },
	{ "drop list is empty", 7, "impair: [{link: lan, engine: wire, drop: []}]",
	  "7:42: 'drop' is empty: write the positions of the frames to lose, from 1" },
	{ "drop list is a number", 7, "impair: [{link: lan, engine: wire, drop: 100}]",
	  "7:42: 'drop' must be a list: write [one, two]" },
	{ "drop list of words", 7, "impair: [{link: lan, engine: wire, drop: [x]}]",
	  "7:43: 'x' is not a count: write a whole number without a unit" },
	{ "two models", 7, "impair: [{link: lan, loss: 1%, gemodel: {p: 1%, r: 30%}}]",
	  "7:41: 'loss' and 'gemodel' are two models of loss: keep one of them" },
	{ "correlation", 7, "impair: [{link: lan, loss: 10% 25%}]",
	  "7:28: '10% 25%' has a correlation, with which netem loses far less than it says "
	  "(10% 25% loses 1.7%): use gemodel for bursts" },
	{ "gemodel without r", 7, "impair: [{link: lan, gemodel: {p: 1%}}]",
	  "7:31: key 'r' is missing: write it" },
	{ "gemodel with h", 7, "impair: [{link: lan, gemodel: {p: 1%, r: 1%, h: 1%}}]",
	  "7:46: unknown key 'h': known: p, r, loss-bad, loss-good" },
	{ "jitter above delay", 7, "impair: [{link: lan, delay: 1ms, jitter: 2ms}]",
	  "7:42: 'jitter' is more than 'delay': no packet can arrive before it was sent" },
	{ "count without drop", 7, "impair: [{link: lan, engine: wire, loss: 1%, count: payload}]",
	  "7:53: 'count' needs 'drop': it says what a drop list counts" },
	{ "arm without loss", 7, "impair: [{link: lan, delay: 1ms, arm: up}]",
	  "7:39: 'arm' says when losses begin: add 'loss', 'gemodel', 'state', 'drop', "
	  "'act', 'duplicate', 'corrupt' or 'reorder'" },
	{ "set twice", 7,
	  "impair:\n- {link: lan, loss: 1%}\n- {link: lan, direction: up, loss: 2%}",
	  "9:36: 'loss' of this link and direction is set in line 8 already" },
	{ "engine set twice", 7,
	  "impair:\n- {link: lan, engine: wire}\n- {link: lan, direction: up, engine: netem}",
	  "9:38: 'engine' of this link and direction is set in line 8 already" },
	{ "two engines of one link", 7,
	  "impair:\n- {link: lan, direction: up, engine: wire, drop: [1]}\n"
	  "- {link: lan, direction: down, delay: 1ms}",
	  "8:38: a link has one engine: here up is wire and down is netem" },

	/* traffic */
	{ "unknown traffic", 7, "traffic: [{ping: {}}]",
	  "7:12: unknown key 'ping': known: echo, tcp, segments" },
	{ "no traffic in an item", 7, "traffic: [{}]",
	  "7:11: an item of 'traffic' is one flow: write one of 'echo', 'tcp' and 'segments'" },
	{ "two kinds in an item", 7,
	  "traffic: [{echo: {interval: 1s, duration: 1s}, tcp: {bytes: 1MB}}]",
	  "7:11: an item of 'traffic' is one flow: write one of 'echo', 'tcp' and 'segments'" },
	{ "segments in the tunnel", 7, "traffic: [{segments: {count: 1, outer: no}}]",
	  "7:11: synthetic segments go beside the tunnel: write 'outer: yes'" },
	{ "segments without a count", 7, "traffic: [{segments: {outer: yes}}]",
	  "7:22: key 'count' is missing: write it" },
	{ "segments acknowledged somehow", 7,
	  "traffic: [{segments: {count: 1, outer: yes, ack: some}}]",
	  "7:50: unknown word 'some': known: max, in-order, none" },
	{ "echo without interval", 7, "traffic: [{echo: {duration: 1s}}]",
	  "7:18: key 'interval' is missing: write it" },
	{ "echo without duration", 7, "traffic: [{echo: {interval: 1s}}]",
	  "7:18: key 'duration' is missing: write it" },
	{ "echo is too fast", 7, "traffic: [{echo: {interval: 1us, duration: 1s}}]",
	  "7:29: '1us' is out of range: write 100us to 1h" },
	{ "echo size", 7, "traffic: [{echo: {interval: 1s, duration: 1s, size: 1MB}}]",
	  "7:53: '1MB' is out of range: write 32 to 65507 bytes" },
	{ "size with a wrong unit", 7, "traffic: [{tcp: {bytes: 1mb}}]",
	  "7:25: '1mb' is not a size: write a number and B, kB, MB, GB, KiB, MiB or GiB" },
	{ "no bytes", 7, "traffic: [{tcp: {bytes: 0}}]",
	  "7:25: '0' is out of range: write 1 to 1000GB" },
	{ "outer", 7, "traffic: [{tcp: {bytes: 1, outer: true}}]",
	  "7:35: unknown word 'true': known: no, yes" },

	/* expect */
	{ "expectation without metric", 6, "expect: [{is: yes}]",
	  "6:10: key 'metric' is missing: write it" },
	{ "expectation without bound", 6, "expect: [{metric: a.b}]",
	  "6:10: write what 'a.b' shall be: 'min', 'max' or both, or else 'is'" },
	{ "is and min", 6, "expect: [{metric: a.b, is: yes, min: 1}]",
	  "6:10: write what 'a.b' shall be: 'min', 'max' or both, or else 'is'" },
	{ "min above max", 6, "expect: [{metric: a.b, min: 99%, max: 5%}]",
	  "6:39: 'max' is less than 'min': nothing can be both" },
	{ "bound", 6, "expect: [{metric: a.b, min: lots}]",
	  "6:29: 'lots' is not a number, percentage, duration, size or rate: write for example "
	  "1, 99%, 5s, 1MB or 10mbit" },
	{ "level of an expectation", 6, "expect: [{metric: a.b, min: 1, level: M}]",
	  "6:39: unknown word 'M': known: R, S" },
	{ "metric with a space", 6, "expect: [{metric: a b, min: 1}]",
	  "6:19: 'a b' is not a name: it has a space" },

	/* YAML that is refused */
	{ "anchor", 7, "idle: &a 1s",
	  "7:7: anchors are not allowed: write each value where it is needed" },
	{ "alias", 7, "idle: *a", "7:7: aliases are not allowed: write the value out" },
	{ "tag", 7, "idle: !!str 1s", "7:7: tags are not allowed: write the value alone" },
	{ "tab", 7, "limits:\n\tup: 1s", "8:1: a tab cannot indent in YAML: use spaces" },
	{ "second document", 7, "---\ntitle: B",
	  "7:1: a second document begins here: one file "
	  "holds one" },
	{ "open bracket", 7, "impair: [", "8:1: not valid YAML: while parsing a flow ..." },
	{ "open quote", 7, "idle: \"1s",
	  "8:1: not valid YAML: while scanning a quoted scalar, ..." },
	{ "not UTF-8", 1, "title: caf\xe9!",
	  "1:11: this is not UTF-8 (invalid trailing UTF-8 octet): save the file as UTF-8" },
	{ "columns count characters", 1, "title: {caf\xc3\xa9: \x01}",
	  "1:15: control characters are not allowed: remove byte 0x01" },

	/* several errors: a line each */
	{ "two errors", 7, "idle: 10\nbanana: 1",
	  "7:7: '10' is not a duration: write a number and ns, us, ms, s, min or h\n"
	  "case.yaml:8:1: unknown key 'banana': " KNOWN_KEYS },
};

static void check_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { 0 };

		files_case("case.yaml", rows[i].line, rows[i].with);

		AUTO_CASE struct spec_case *c = spec_case_load("case.yaml", &err);

		tap_ok(!c && err.kind == ERR_USAGE &&
			       files_matches(err.text, "case.yaml", rows[i].want),
		       "%s", rows[i].name);
	}
}

/* Whole files that are no cases */
static void check_files(void)
{
	static const struct {
		const char *name, *text;
		size_t len;
		const char *want;
	} files[] = {
		{ "empty file", "", 0,
		  "x.yaml:1:1: the file is empty: see cases/README.md for what to write" },
		{ "only a comment", "# x\n", 4,
		  "x.yaml:1:1: the file is empty: see cases/README.md for what to write" },
		{ "a list", "- a\n", 4, "x.yaml:1:1: this must be a mapping of keys to values" },
		{ "a NUL byte", "title: a\0b\n", 11,
		  "x.yaml:1:9: control characters are not allowed: remove byte 0x00" },
		{ "UTF-16", "\xff\xfet\0", 4,
		  "x.yaml:1:1: this is not UTF-8 (invalid leading UTF-8 octet): save the file as "
		  "UTF-8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct err err = { 0 };

		files_write("x.yaml", files[i].text, files[i].len);
		tap_ok(!spec_case_load("x.yaml", &err) && err.kind == ERR_USAGE, "%s is refused",
		       files[i].name);
		tap_str(err.text, files[i].want, "%s: says why", files[i].name);
	}
}

static void check_names(void)
{
	struct err err = { 0 };

	tap_ok(!spec_case_load("none.yaml", &err) && err.kind == ERR_USAGE, "a missing file");
	tap_str(err.text, "no case file 'none.yaml'", "is named");
	files_case("x.yml", 0, "");
	tap_ok(!spec_case_load("x.yml", &err), "a file that is not .yaml");
	tap_str(err.text, "'x.yml' is not a case: name the file ID.yaml", "says how to name it");
	files_case("a b.yaml", 0, "");
	tap_ok(!spec_case_load("a b.yaml", &err), "a name with a space");
	io_mkdirs("folder.yaml", &err);
	tap_ok(!spec_case_load("folder.yaml", &err) && err.kind == ERR_USAGE, "a folder");
	tap_str(err.text, "'folder.yaml' is not a regular file of at most 1 MiB", "says so");
}

/* Hostile files end in an error, soon and without a crash */
static void check_hostile(void)
{
	struct err err = { 0 };
	char *text = malloc(2 << 20);

	memset(text, '[', 100000);
	files_write("h.yaml", text, 100000);
	tap_ok(!spec_case_load("h.yaml", &err), "100,000 open brackets");
	tap_str(err.text, "h.yaml:1:17: lists and mappings are nested too deep: close one",
		"are refused at the 17th");
	memset(text, 'a', 2 << 20);
	files_write("h.yaml", text, 2 << 20);
	tap_ok(!spec_case_load("h.yaml", &err), "2 MiB");
	for (int i = 0; i < 2000; i++) /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
		memcpy(text + i * 8L, "k: [1]\n\n", 8);
	files_write("h.yaml", text, 16000);
	tap_ok(!spec_case_load("h.yaml", &err), "2,000 unknown keys");
	tap_ok(strstr(err.text, "\n... and ") != NULL, "what has no room is counted");
	for (int i = 0; i < 3000; i++)
		text[i] = (char)(1 + i * 7919 % 255);
	files_write("h.yaml", text, 3000);
	tap_ok(!spec_case_load("h.yaml", &err), "noise");
	free(text);
}

int main(void)
{
	files_begin();
	check_rows();
	check_files();
	check_names();
	check_hostile();
	return tap_done();
}
