// SPDX-License-Identifier: Apache-2.0
/* spec/: what a case means, names with options, and names that others know. */
#include <math.h>

#include "base/units.h"
#include "spec/case.h"
#include "spec/check.h"
#include "spec/target.h"
#include "tests/spec-files.h"

#define tap_near(got, want, name)                                                                  \
	tap_ok(fabs((got) - (want)) < 1e-9, "%s (%g)", name, (double)(got))

/* Every key, none at its default */
static const char every_key[] =
	"title: One mid-flow segment lost between client and proxy\n"
	"requirement: >-\n"
	"  A hole in the sequence space is filled,\n"
	"  so that the tunnel stays alive\n"
	"clause: RFC 9293 section 3.8.1\n"
	"level: S\n"
	"family: ipv6\n"
	"inner: ipv6\n"
	"pairs: [\"strongswan@ctcp,retransmit=on,port=10000\", 'openconnect:ocserv@cstp', 'null']\n"
	"middleboxes: ['asa-proxy,queue-limit=5', router]\n"
	"impair:\n"
	"  - {link: access, delay: 10ms}\n"
	"  - {link: outside, direction: up, engine: wire, delay: 5ms, drop: [100, 205], count: payload, arm: up}\n"
	"  - {link: inside, gemodel: {p: 1%, r: 30%, loss-bad: 90%, loss-good: 0.5%}, delay: 3ms, jitter: 1ms, rate: 10mbit, limit: 1000}\n"
	"  - {link: lan, direction: down, delay: 7ms}\n"
	"  - {link: lan, direction: down, loss: 1.5%, arm: start}\n"
	"traffic:\n"
	"  - {echo: {interval: 200ms, duration: 60s, size: 200, start: 1s, timeout: 2s, outer: yes}}\n"
	"  - tcp: {bytes: 1MB, start: 5s, timeout: 20s, outer: no}\n"
	"idle: 10min\n"
	"dpd: 30s\n"
	"limits: {up: 20s, wall: 90s}\n"
	"expect:\n"
	"  - {metric: tunnel.up, is: yes}\n"
	"  - {metric: echo.delivery, min: 99%, max: 100%, level: R}\n"
	"  - {metric: echo.max_gap, max: 2.5s}\n"
	"  - {metric: middlebox.tcp-buffer-full, min: 1}\n"
	"  - {metric: tcp.rate, min: 1.5mbit}\n"
	"  - {metric: tcp.bytes, min: 1MB, level: S}\n";

static void check_heads(const struct spec_case *c)
{
	tap_str(c->id, "every", "id is the name of the file");
	tap_str(c->series, "demo", "series is the name of the folder");
	tap_str(c->file, "cases/demo/every.yaml", "file as given");
	tap_str(c->title, "One mid-flow segment lost between client and proxy", "title");
	tap_str(c->requirement,
		"A hole in the sequence space is filled, so that the tunnel stays alive",
		"a folded requirement is one line");
	tap_str(c->clause, "RFC 9293 section 3.8.1", "clause");
	tap_is(c->level, 'S', "level");
	tap_ok(c->ipv6, "family");
	tap_ok(c->inner_ipv6, "inner family");
	tap_is(c->idle_ns, 600 * NS_PER_S, "idle");
	tap_is(c->dpd_ns, 30 * NS_PER_S, "dpd");
	tap_is(c->up_timeout_ns, 20 * NS_PER_S, "limits.up");
	tap_is(c->wall_limit_ns, 90 * NS_PER_S, "limits.wall");
	tap_ok(c->planned_loss, "loss is planned");
}

static void check_pairs(const struct spec_case *c)
{
	const struct pair *p = c->pairs;

	tap_is(c->pairs_len, 3, "three pairs");
	tap_str(p[0].client, "strongswan", "client");
	tap_str(p[0].headend, "strongswan", "the head-end is the client's twin");
	tap_str(p[0].carriage.name, "ctcp", "carriage");
	tap_str(choice_option(&p[0].carriage, "retransmit"), "on", "its option");
	tap_str(choice_option(&p[0].carriage, "port"), "10000", "its other option");
	tap_ok(!choice_option(&p[0].carriage, "no"), "no option that was not given");
	tap_str(p[1].headend, "ocserv", "head-end");
	tap_is(p[1].at.line, 9, "a pair knows its line");
	tap_is(p[1].at.column, 53, "and its column");
	tap_str(p[2].carriage.name, "plain", "no carriage is plain");
	tap_is(c->middleboxes_len, 2, "two middleboxes");
	tap_str(c->middleboxes[0].name, "asa-proxy", "middlebox");
	tap_str(c->middleboxes[0].text, "asa-proxy,queue-limit=5", "as written");
	tap_str(choice_option(&c->middleboxes[0], "queue-limit"), "5", "option of a middlebox");
}

static void check_impair(const struct spec_case *c)
{
	const struct impairment *i = c->impair[LINK_ACCESS];

	tap_is(i[DIR_UP].engine, ENGINE_NETEM, "the default engine is netem");
	tap_is(i[DIR_UP].delay_ns, 10 * NS_PER_MS, "delay up");
	tap_is(i[DIR_DOWN].delay_ns, 10 * NS_PER_MS, "and down: both is the default");
	i = c->impair[LINK_OUTSIDE];
	tap_is(i[DIR_UP].engine, ENGINE_WIRE, "wire");
	tap_is(i[DIR_DOWN].engine, ENGINE_NONE, "nothing in the other direction");
	tap_is(i[DIR_UP].drop_len, 2, "two positions");
	tap_is(i[DIR_UP].drop[0], 100, "the first");
	tap_is(i[DIR_UP].drop[1], 205, "the second");
	tap_is(i[DIR_UP].count, COUNT_PAYLOAD, "count");
	tap_is(i[DIR_UP].arm, ARM_UP, "arm");
	i = c->impair[LINK_INSIDE];
	for (int d = 0; d < DIR_COUNT; d++) {
		tap_ok(i[d].has_gemodel, "gemodel %s", direction_names[d]);
		tap_near(i[d].gemodel.p, 0.01, "p");
		tap_near(i[d].gemodel.r, 0.3, "r");
		tap_near(i[d].gemodel.loss_bad, 0.9, "loss-bad");
		tap_near(i[d].gemodel.loss_good, 0.005, "loss-good");
		tap_is(i[d].jitter_ns, NS_PER_MS, "jitter");
		tap_is(i[d].rate_bps, 10000000, "rate");
		tap_is(i[d].limit, 1000, "limit");
	}
	i = c->impair[LINK_LAN];
	tap_is(i[DIR_DOWN].delay_ns, 7 * NS_PER_MS, "two entries are merged: delay");
	tap_near(i[DIR_DOWN].loss, 0.015, "two entries are merged: loss");
	tap_is(i[DIR_DOWN].arm, ARM_START, "arm: start");
	tap_is(i[DIR_UP].engine, ENGINE_NONE, "and the other direction is untouched");
}

static void check_traffic(const struct spec_case *c)
{
	const struct traffic *t = c->traffic;

	tap_is(c->traffic_len, 2, "two flows");
	tap_is(t[0].kind, TRAFFIC_ECHO, "echo");
	tap_is(t[0].interval_ns, 200 * NS_PER_MS, "interval");
	tap_is(t[0].duration_ns, 60 * NS_PER_S, "duration");
	tap_is(t[0].size, 200, "a plain size counts bytes");
	tap_is(t[0].start_ns, NS_PER_S, "start");
	tap_is(t[0].timeout_ns, 2 * NS_PER_S, "timeout");
	tap_ok(t[0].outer, "outer");
	tap_is(t[1].kind, TRAFFIC_TCP, "tcp");
	tap_is(t[1].bytes, 1000000, "bytes");
	tap_is(t[1].start_ns, 5 * NS_PER_S, "start of tcp");
	tap_is(t[1].timeout_ns, 20 * NS_PER_S, "timeout of tcp");
	tap_ok(!t[1].outer, "inner");
}

static void check_expect(const struct spec_case *c)
{
	const struct expectation *e = c->expect;

	tap_is(c->expect_len, 6, "six expectations");
	tap_str(e[0].metric, "tunnel.up", "metric");
	tap_str(e[0].is, "yes", "is");
	tap_str(e[0].text, "= yes", "as text");
	tap_ok(!e[0].has_min && !e[0].has_max, "no bounds");
	tap_ok(e[0].should, "the level of the case is the default: should");
	tap_ok(e[1].has_min && e[1].has_max && !e[1].should, "both bounds, required");
	tap_near(e[1].min, 0.99, "a percentage is a ratio");
	tap_str(e[1].text, ">= 99% and <= 100%", "both as text");
	tap_ok(!e[2].has_min && e[2].has_max, "one bound");
	tap_near(e[2].max, 2.5, "a duration is in seconds");
	tap_str(e[2].text, "<= 2.5s", "one as text");
	tap_near(e[3].min, 1, "a count");
	tap_near(e[4].min, 1500000, "a rate is in bits a second");
	tap_near(e[5].min, 1000000, "a size is in bytes");
	tap_is(e[5].at.line, 29, "an expectation knows its line");
	tap_is(e[5].at.column, 14, "and its column");
}

static void check_every_key(void)
{
	struct err err = { 0 };

	files_text("cases/demo/every.yaml", every_key);

	AUTO_CASE struct spec_case *c = spec_case_load("cases/demo/every.yaml", &err);

	if (!tap_ok(c, "every key is accepted")) {
		printf("# %s\n", err.text);
		return;
	}
	check_heads(c);
	check_pairs(c);
	check_impair(c);
	check_traffic(c);
	check_expect(c);
}

static void check_defaults(void)
{
	struct err err = { 0 };

	files_case("least.yaml", 7,
		   "traffic: [{echo: {interval: 1s, duration: 1s}}, "
		   "{tcp: {bytes: 1}}]");

	AUTO_CASE struct spec_case *c = spec_case_load("least.yaml", &err);

	if (!tap_ok(c, "the least that a case can say"))
		return;
	tap_is(c->level, 'R', "default level");
	tap_ok(!c->ipv6, "default family");
	tap_ok(!c->inner_ipv6, "default inner family");
	tap_is(c->idle_ns, 0, "default idle");
	tap_is(c->dpd_ns, 0, "default dpd");
	tap_is(c->up_timeout_ns, 30 * NS_PER_S, "default limits.up");
	tap_is(c->wall_limit_ns, 60 * NS_PER_S, "default limits.wall");
	tap_ok(!c->planned_loss, "no loss is planned");
	tap_is(c->impair[LINK_LAN][DIR_UP].engine, ENGINE_NONE, "no impairment");
	tap_is(c->traffic[0].size, 64, "default size");
	tap_is(c->traffic[0].start_ns, 0, "default start");
	tap_is(c->traffic[0].timeout_ns, 5 * NS_PER_S, "default timeout of echo");
	tap_is(c->traffic[1].timeout_ns, 30 * NS_PER_S, "default timeout of tcp");
	tap_ok(!c->expect[0].should, "required by default");
}

/* A transfer of many streams is as many transfers */
static void check_streams(void)
{
	struct err err = { 0 };

	files_case("streams.yaml", 7,
		   "traffic: [{tcp: {bytes: 1, flows: 3, interval: 5ms, start: 1s}}, "
		   "{echo: {interval: 1s, duration: 1s}}, {tcp: {bytes: 2, interval: 9s}}]");

	AUTO_CASE struct spec_case *c = spec_case_load("streams.yaml", &err);

	if (!tap_ok(c, "a transfer of many streams %s", err.text))
		return;
	tap_is(c->traffic_len, 5, "is as many");
	for (size_t i = 0; i < 3; i++) {
		tap_is(c->traffic[i].bytes, 1, "each of its bytes");
		tap_is(c->traffic[i].start_ns, NS_PER_S + i * 5 * NS_PER_MS, "one after the other");
	}
	tap_is(c->traffic[3].kind, TRAFFIC_ECHO, "what comes behind it stays");
	tap_is(c->traffic[4].start_ns, 0, "one stream waits for none");
}

/* What plans a loss, and so needs a witness */
static void check_planned_loss(void)
{
	static const struct {
		const char *impair;
		bool want;
	} rows[] = {
		{ "impair: [{link: lan, delay: 1ms}]", false },
		{ "impair: [{link: lan, loss: 0%}]", false },
		{ "impair: [{link: lan, loss: 1%}]", true },
		{ "impair: [{link: lan, direction: down, gemodel: {p: 1%, r: 1%}}]", true },
		{ "impair: [{link: lan, engine: wire, drop: [1]}]", true },
		{ "impair: []", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { 0 };

		files_case("loss.yaml", 7, rows[i].impair);

		AUTO_CASE struct spec_case *c = spec_case_load("loss.yaml", &err);

		tap_ok(c && c->planned_loss == rows[i].want, "%s: %s", rows[i].impair,
		       rows[i].want ? "a planned loss" : "no loss");
	}
}

/* Two directions have two drop lists, not one shared */
static void check_drop_both(void)
{
	struct err err = { 0 };

	files_case("both.yaml", 7, "impair: [{link: lan, engine: wire, drop: [3]}]");

	AUTO_CASE struct spec_case *c = spec_case_load("both.yaml", &err);

	tap_ok(c && c->impair[LINK_LAN][DIR_UP].drop && c->impair[LINK_LAN][DIR_DOWN].drop &&
		       c->impair[LINK_LAN][DIR_UP].drop != c->impair[LINK_LAN][DIR_DOWN].drop,
	       "each direction owns its drop list");
	tap_is(c->impair[LINK_LAN][DIR_DOWN].drop[0], 3, "with the same positions");
}

/* --- names ---------------------------------------------------------------- */

static void check_bad_names(void)
{
	static const char *const pairs[] = { "",      "@ctcp",	"a:",	   ":b",	  "a@",
					     "a b",   "a/b",	"../a",	   "a@b,",	  "a@b,x",
					     "a@b,=", "a@b,x=", "a@b,=y",  "a@b,x=1,x=2", "a@b@c",
					     "a:b:c", "-a",	"a@b,x=/", "\xc3\xa9" };
	static const char *const choices[] = {
		"", ",a=b", "a,", "a,b", "a,b=c,", "a@b", "a:b", "."
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct err err = { 0 };
		struct pair p;

		tap_ok(pair_parse(pairs[i], &p, &err) == -1 && err.kind == ERR_USAGE && *err.text &&
			       !p.text,
		       "pair '%s' is refused", pairs[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		struct err err = { 0 };
		struct choice c;

		tap_ok(choice_parse(choices[i], &c, &err) == -1 && err.kind == ERR_USAGE &&
			       *err.text && !c.text,
		       "choice '%s' is refused", choices[i]);
	}
}

static void check_good_names(void)
{
	struct err err = { 0 };
	struct pair p;

	tap_is(pair_parse("openconnect:ocserv@cstp,mtu=1300,peer=10.0.0.1:443", &p, &err), 0,
	       "a pair with everything");
	tap_str(p.client, "openconnect", "its client");
	tap_str(p.headend, "ocserv", "its head-end");
	tap_str(p.carriage.text, "cstp,mtu=1300,peer=10.0.0.1:443", "its carriage's text");
	tap_str(choice_option(&p.carriage, "peer"), "10.0.0.1:443", "a value with a colon");
	tap_is(p.at.line, 0, "on the command line nothing has a place");
	pair_release(&p);
	tap_is(pair_parse("null,x=1", &p, &err), 0, "options without a carriage");
	tap_str(p.carriage.text, "plain,x=1", "belong to plain");
	pair_release(&p);
}

static void check_near(void)
{
	static const char *const names[] = { "access", "outside", "inside", "lan" };
	static const struct {
		const char *word, *want; /* NULL: none */
	} rows[] = {
		{ "outsid", "outside" },
		{ "otuside", "outside" },
		{ "lam", "lan" },
		{ "x", NULL },
		{ "lax0", NULL },
		{ "accessory", NULL },
		{ "", NULL },
		{ "inside", "inside" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *got = name_near(rows[i].word, names, ARRAY_SIZE(names));

		tap_ok(rows[i].want ? got && !strcmp(got, rows[i].want) : !got, "near '%s' is %s",
		       rows[i].word, rows[i].want ? rows[i].want : "nothing");
	}
}

/* --- names that other folders know ---------------------------------------- */

static bool metric_known(const char *metric, struct err *err)
{
	if (strcmp(metric, "tunnel.up") == 0)
		return true;
	err_set_kind(err, ERR_USAGE, "unknown metric '%s'", metric);
	return false;
}

static bool middlebox_known(const struct choice *c, struct err *err)
{
	if (strcmp(c->name, "router") == 0)
		return true;
	err_set_kind(err, ERR_USAGE, "unknown middlebox '%s'", c->name);
	return false;
}

static void write_target(const char *name, const char *rest, bool program)
{
	AUTO_FREE char *yaml = io_printf("targets/%s/target.yaml", name);
	AUTO_FREE char *exe = io_printf("targets/%s/target", name);
	AUTO_FREE char *text = io_printf("name: %s\n%s", name, rest);

	files_text(yaml, text);
	if (program) {
		files_text(exe, "#!/bin/sh\n");
		chmod(exe, 0755);
	}
}

static void check_others(void)
{
	static const struct spec_checks all = { metric_known, middlebox_known, "targets" };
	static const struct {
		unsigned line;
		const char *with, *want;
	} rows[] = {
		{ 6, "expect: [{metric: tunnel.up, is: yes}, {metric: tunnel.pu, is: yes}]",
		  "6:49: unknown metric 'tunnel.pu'" },
		{ 5, "middleboxes: [router, rooter]", "5:23: unknown middlebox 'rooter'" },
		{ 4, "pairs: [null, nul]",
		  "4:15: no target 'nul' in 'targets': there are: broken, ctcp, fake, head, mute, "
		  "null, swan" },
		{ 4, "pairs: [swan:none@esp]", "4:9: no target 'none' in 'targets': ..." },
		{ 4, "pairs: [head@esp]", "4:9: 'head' is not a client: its roles are: headend" },
		{ 4, "pairs: ['swan:ctcp@esp']",
		  "4:9: 'ctcp' is not a headend: its roles are: carrier" },
		{ 4, "pairs: ['swan:head@ctcp']",
		  "4:9: 'head' has no carriage 'ctcp': its carriages are: esp" },
		{ 4, "pairs: [null, 'broken@plain']",
		  "4:15: targets/broken/target.yaml:2:9: unknown word 'cleint': did you mean "
		  "'client'? known: client, headend, carrier" },
		{ 4, "pairs: ['swan:mute@esp']",
		  "4:9: 'swan' speaks swan, and 'mute' speaks mute: no pair" },
		{ 4, "pairs: [swan@fake]", "4:9: 'fake' is not a carrier: its roles are: client" },
	};
	struct err err = { 0 };

	write_target("null", "roles: [client, headend]\ncarriages: [plain]\n", true);
	write_target("swan", "roles: [client, headend]\ncarriages: [esp, ctcp, fake]\n", true);
	write_target("head", "roles: [headend]\ncarriages: [esp]\nspeaks: [swan]\n", true);
	write_target("mute", "roles: [headend]\ncarriages: [esp]\n", true);
	write_target("ctcp", "roles: [carrier]\n", true);
	write_target("fake", "roles: [client]\ncarriages: [x]\n", true);
	write_target("broken", "roles: [cleint]\n", true);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		err_clear(&err);
		files_case("other.yaml", rows[i].line, rows[i].with);
		tap_ok(spec_check_file("other.yaml", &all, &err) == -1 && err.kind == ERR_USAGE &&
			       files_matches(err.text, "other.yaml", rows[i].want),
		       "%s", rows[i].with);
	}
	files_case("other.yaml", 4, "pairs: [null, swan@ctcp, 'swan:head@esp']");
	tap_is(spec_check_file("other.yaml", &all, &err), 0, "a case with nothing wrong");
	files_case("other.yaml", 4, "pairs: [nobody]");
	tap_is(spec_check_file("other.yaml", &(struct spec_checks){ 0 }, &err), 0,
	       "without the checks only the file itself counts");
}

int main(void)
{
	files_begin();
	check_every_key();
	check_defaults();
	check_streams();
	check_planned_loss();
	check_drop_both();
	check_bad_names();
	check_good_names();
	check_near();
	check_others();
	return tap_done();
}
