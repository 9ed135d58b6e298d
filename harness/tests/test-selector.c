// SPDX-License-Identifier: Apache-2.0
/* spec/selector: which names a pattern is true of, and what is said of one that is wrong. */
#include "spec/selector.h"

#include "base/err.h"
#include "tests/tap.h"

#define PARTS_OF_IKE                                                                               \
	"IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL, IKE_SESSION_RESUME, "              \
	"IKE_INTERMEDIATE, IKE_FOLLOWUP_KE, req, resp, midN, fragN, saN, txN, up, down, *"

static const struct {
	const char *pattern, *name;
	bool matches; /* of what goes up */
} rows[] = {
	{ "*", "esp:spi1:seq9:tx1", true },
	{ "*:up", "esp:spi1:seq9:tx1", true },
	{ "*:down", "esp:spi1:seq9:tx1", false },
	{ "ike", "ike:IKE_AUTH:resp:mid1:sa1:tx2", true },
	{ "ike", "ikev1:MAIN:x1:msg1:sa1:tx1", false },
	{ "ike:*", "ike:IKE_AUTH:resp:mid1:sa1:tx2", true },
	{ "ike:IKE_AUTH", "ike:IKE_AUTH:resp:mid1:sa1:tx2", true },
	{ "ike:IKE_AUTH", "ike:IKE_SA_INIT:resp:mid0:sa1:tx1", false },
	{ "ike:IKE_AUTH:req", "ike:IKE_AUTH:resp:mid1:sa1:tx2", false },
	{ "ike:*:resp", "ike:IKE_AUTH:resp:mid1:sa1:tx2", true },
	{ "ike:resp:IKE_AUTH", "ike:IKE_AUTH:resp:mid1:sa1:tx2", true },
	{ "ike:IKE_AUTH:resp:mid1:tx1", "ike:IKE_AUTH:resp:mid1:sa1:tx2", false },
	{ "ike:IKE_AUTH:resp:mid1:tx2", "ike:IKE_AUTH:resp:mid1:sa1:tx2", true },
	{ "ike:IKE_AUTH:resp:mid1:tx2:up", "ike:IKE_AUTH:resp:mid1:sa1:tx2", true },
	{ "ike:IKE_AUTH:resp:mid1:tx2:down", "ike:IKE_AUTH:resp:mid1:sa1:tx2", false },
	{ "ike:frag1", "ike:IKE_AUTH:resp:mid1:sa1:tx2", false },
	{ "ike:frag1", "ike:IKE_AUTH:resp:mid1:frag1:sa1:tx2", true },
	{ "ike:exchange99", "ike:exchange99:resp:mid1:sa1:tx2", true },
	{ "ike:exchange35", "ike:IKE_AUTH:resp:mid1:sa1:tx2", true },
	{ "esp:spi1:seq50-60", "esp:spi1:seq49:tx1", false },
	{ "esp:spi1:seq50-60", "esp:spi1:seq50:tx1", true },
	{ "esp:spi1:seq50-60", "esp:spi1:seq60:tx1", true },
	{ "esp:spi1:seq50-60", "esp:spi1:seq61:tx1", false },
	{ "esp:spi1:seq50-60", "esp:spi2:seq55:tx1", false },
	{ "esp:seq50-", "esp:spi2:seq4294967295:tx1", true },
	{ "esp:tx2-", "esp:spi2:seq5:tx1", false },
	{ "tcp:data:+100-199", "tcp:data:+99:conn1:tx1", true }, /* its bytes are 99 to 108 */
	{ "tcp:data:+100-199", "tcp:data:+90:conn1:tx1", false },
	{ "tcp:data:+100-199", "tcp:data:+199:conn1:tx1", true },
	{ "tcp:data:+100-199", "tcp:data:+200:conn1:tx1", false },
	{ "tcp:data:+104", "tcp:data:+99:conn1:tx1", true },
	{ "tcp:data", "tcp:ack:+99:conn1:tx1", false },
	{ "tls:handshake:client_hello", "tls:handshake:client_hello:rec1:conn1:tx1", true },
	{ "tls:finished", "tls:handshake:rec4:conn1:tx1", false },
	{ "wg:ctr18446744073709551615", "wg:data:session1:ctr18446744073709551615:tx1", true },
	{ "frag", "frag", true },
};

/* A meaning by its name, which is a pattern: what it demands is what there is */
static struct meaning named(const char *name)
{
	struct selector s = { 0 };
	struct meaning m = { 0 };
	struct err err = { 0 };
	size_t at;

	if (selector_parse(name, &s, &at, &err))
		printf("# %s\n", err.text);
	m.family = s.family;
	memcpy(m.word, s.word, sizeof(m.word));
	memcpy(m.number, s.min, sizeof(m.number));
	m.has = s.has;
	m.span = s.family == MEANING_TCP ? 10 : 1;
	return m;
}

static void check_matches(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct meanings m = { .list = { named(rows[i].name) }, .len = 1 };
		struct selector s;
		struct err err = { 0 };
		char text[MEANING_TEXT_MAX];
		size_t at;
		bool parsed = !selector_parse(rows[i].pattern, &s, &at, &err);

		meaning_text(&m.list[0], text, sizeof(text));
		if (strcmp(text, rows[i].name) != 0 && !strstr(rows[i].name, "exchange"))
			tap_str(text, rows[i].name, "a name is a pattern is a name");
		tap_ok(parsed && !!selector_match(&s, DIR_UP, &m) == rows[i].matches,
		       "'%s' is%s '%s'", rows[i].pattern, rows[i].matches ? "" : " not",
		       rows[i].name);
	}
}

/* The second meaning of a frame counts too, and is what is found */
static void check_several(void)
{
	struct meanings m = { .list = { named("tcp:data:+1:conn1:tx1"),
					named("ike:IKE_AUTH:req:mid1:sa1:tx1") },
			      .len = 2 };
	struct selector s;
	struct err err = { 0 };
	size_t at;

	selector_parse("ike:IKE_AUTH", &s, &at, &err);
	tap_ok(selector_match(&s, DIR_UP, &m) == &m.list[1], "one of several meanings is found");
	m.len = 0;
	selector_parse("*", &s, &at, &err);
	tap_ok(!selector_match(&s, DIR_UP, &m), "what has no meaning has no pattern");
}

static const struct {
	const char *pattern;
	size_t at;
	const char *want;
} errors[] = {
	{ "ipsec:x", 0,
	  "'ipsec' is no family of messages: known: tcp, ike, ikev1, esp, natt, tls, dtls, wg, "
	  "ovpn, udp, icmp, icmp6, ip, frag, *" },
	{ "", 0, NULL },
	{ "ikv1", 0,
	  "'ikv1' is no family of messages: did you mean 'ikev1'? known: tcp, ike, "
	  "ikev1, esp, natt, tls, dtls, wg, ovpn, udp, icmp, icmp6, ip, frag, *" },
	{ "ike:IKE_AUHT", 4,
	  "'IKE_AUHT' says nothing about ike: did you mean 'IKE_AUTH'? known: " PARTS_OF_IKE },
	{ "ike:IKE_AUTH:seq5", 13, "'seq5' says nothing about ike: known: " PARTS_OF_IKE },
	{ "ike:mid", 4, NULL },
	{ "ike:mid-3", 4, NULL },
	{ "ike:mid1x", 4, NULL },
	{ "ike::mid1", 4, NULL },
	{ "ike:mid1:", 9, NULL },
	{ "ike:mid1:mid2", 9, "'mid2' says what was said before in the same pattern: keep one" },
	{ "ike:req:resp", 8, "'resp' says what was said before in the same pattern: keep one" },
	{ "ike:up:down", 7, "'down' says what was said before in the same pattern: keep one" },
	{ "esp:seq60-50", 4, "'seq60-50' ends before it begins: turn it around" },
	{ "esp:seq60-x", 4, "'seq60-x' is no range: write seq1-9, or seq1- without end" },
	{ "*:mid1", 2, "'mid1' says nothing about messages of any family: known: up, down, *" },
	{ "esp:seq99999999999999999999", 4, NULL },
	{ "esp:seq18446744073709551616", 4, NULL },
	{ "ike:exchange65535", 4, NULL },
};

static void check_errors(void)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct selector s;
		struct err err = { 0 };
		size_t at = SIZE_MAX;

		tap_ok(selector_parse(errors[i].pattern, &s, &at, &err) == -1 &&
			       err.kind == ERR_USAGE,
		       "'%s' is no pattern", errors[i].pattern);
		tap_is(at, errors[i].at, "it is wrong at that place");
		if (errors[i].want)
			tap_str(err.text, errors[i].want, "and says what is known");
	}
}

int main(void)
{
	check_matches();
	check_several();
	check_errors();
	return tap_done();
}
