// SPDX-License-Identifier: Apache-2.0
/* spec/timeline: what is wrong is said with its line and column, counted by hand. */
#include "spec/case.h"
#include "tests/spec-files.h"

#define KNOWN                                                                                      \
	"known: at, from, to, every, for, link, direction, node, do, mtu, delay, jitter, "         \
	"delay-correlation, distribution, loss, gemodel, state, duplicate, "                       \
	"duplicate-correlation, corrupt, corrupt-correlation, reorder, gap, "                      \
	"reorder-correlation, rate, overhead, limit, slot"
#define ECHO "\ntraffic: [{echo: {interval: 1s, duration: 60s}}]"

static const struct row {
	const char *name, *with;
	const char *want; /* behind the name of the file; NULL: it is good */
} rows[] = {
	/* the list and its keys */
	{ "a mapping", "timeline: {at: 5s}",
	  "7:11: 'timeline' must be a list: write an item per change, "
	  "- {at: 5s, link: outside, mtu: 1280}" },
	{ "an empty list", "timeline: []", NULL },
	{ "a text", "timeline: [5s]", "7:12: this must be a mapping of keys to values" },
	{ "an unknown key", "timeline: [{att: 5s, link: lan, mtu: 1280}]",
	  "7:13: unknown key 'att': did you mean 'at'? " KNOWN },
	{ "an unknown link", "timeline: [{at: 5s, link: lam, mtu: 1280}]",
	  "7:27: unknown word 'lam': did you mean 'lan'? known: access, outside, inside, lan" },
	{ "an unknown node", "timeline: [{at: 5s, node: clients, do: renumber}]",
	  "7:27: unknown word 'clients': did you mean 'client'? known: client, internet, "
	  "middlebox, headend, server" },
	{ "an unknown deed", "timeline: [{at: 5s, link: lan, do: bloc}]",
	  "7:36: unknown word 'bloc': did you mean 'block'? known: down, up, block, renumber, "
	  "crash, rekey-child, rekey-ike, liveness" },
	{ "a time without unit", "timeline: [{at: 5, link: lan, do: down}]",
	  "7:17: '5' is not a duration: write a number and ns, us, ms, s, min or h" },
	{ "the engine cannot change", "timeline: [{at: 5s, link: lan, engine: wire}]",
	  "7:32: unknown key 'engine': " KNOWN },
	{ "nor a drop list", "timeline: [{at: 5s, link: lan, drop: [1]}]",
	  "7:32: unknown key 'drop': ..." },

	/* when */
	{ "no time", "timeline: [{link: lan, mtu: 1280}]",
	  "7:12: say when: write 'at', 'from' and 'to', or 'every' and 'for'" },
	{ "only an end", "timeline: [{to: 5s, link: lan, mtu: 1280}]",
	  "7:12: say when: write 'at', 'from' and 'to', or 'every' and 'for'" },
	{ "two times", "timeline: [{at: 5s, every: 9s, link: lan, do: block}]",
	  "7:17: 'at' is one time: write 'for' beside it, or else 'from' and 'to', or 'every' and "
	  "'for'" },
	{ "no end", "timeline: [{from: 5s, link: lan, do: block}]",
	  "7:19: 'from' needs 'to': for a change that stays write 'at'" },
	{ "two ends", "timeline: [{from: 5s, to: 9s, for: 1s, link: lan, do: block}]",
	  "7:36: 'to' says when it ends already: keep one of them" },
	{ "an end before the begin", "timeline: [{from: 5s, to: 5s, link: lan, do: block}]",
	  "7:27: 'to' must be after 'from'" },
	{ "every without for", "timeline: [{every: 5s, link: lan, do: block}]",
	  "7:20: 'every' needs 'for': how long each time" },
	{ "every as long as for", "timeline: [{every: 5s, for: 5s, link: lan, do: block}]",
	  "7:29: 'for' must be shorter than 'every': it would never end" },
	{ "every ends before it begins",
	  "timeline: [{every: 5s, for: 1s, to: 5s, link: lan, do: block}]",
	  "7:37: 'to' is before the first time: nothing would ever happen" },
	{ "for nothing", "timeline: [{at: 5s, for: 0s, link: lan, do: block}]",
	  "7:26: '0s' is out of range: write more than 0s, at most 168h" },
	{ "after the traffic", "timeline: [{at: 65s, link: lan, do: block}]" ECHO,
	  "7:12: the traffic has ended by then: nothing would happen" },
	{ "with the last answer", "timeline: [{at: 64s, link: lan, do: block}]" ECHO, NULL },

	/* what */
	{ "nothing", "timeline: [{at: 5s, link: lan}]",
	  "7:12: an entry does one thing: write 'do', 'mtu', or keys of 'impair' that change (here "
	  "is none)" },
	{ "two things", "timeline: [{at: 5s, link: lan, do: block, loss: 1%}]",
	  "7:12: an entry does one thing: write 'do', 'mtu', or keys of 'impair' that change" },
	{ "no link", "timeline: [{at: 5s, loss: 1%}]", "7:12: key 'link' is missing: write it" },
	{ "a node for a link", "timeline: [{at: 5s, node: client, do: down}]",
	  "7:27: 'down' is done to a link: write 'link'" },
	{ "a link for a node", "timeline: [{at: 5s, link: access, do: renumber}]",
	  "7:27: 'renumber' is done to a node: write 'node'" },
	{ "another node", "timeline: [{at: 5s, node: headend, do: renumber}]",
	  "7:27: 'renumber' gives the client another outer address: write 'node: client'" },
	{ "an address that comes back", "timeline: [{at: 5s, for: 1s, node: client, do: renumber}]",
	  "7:26: 'renumber' is done at once, and the old address does not come back: write 'at', or "
	  "'every' without 'for'" },
	{ "again and again", "timeline: [{every: 5s, node: client, do: renumber}]" ECHO, NULL },
	{ "no node", "timeline: [{at: 5s, for: 1s, do: crash}]",
	  "7:12: key 'node' is missing: write it" },
	{ "a crash", "timeline: [{at: 5s, for: 1s, node: headend, do: crash}]" ECHO, NULL },
	{ "a crash without end", "timeline: [{at: 5s, node: headend, do: crash}]",
	  "7:12: say how long nobody is there: write 'for' beside 'at' or 'every', or 'from' and "
	  "'to'" },
	{ "a crash of the client", "timeline: [{at: 5s, for: 1s, node: client, do: crash}]",
	  "7:36: 'crash' is of the head-end, whose client has to recover: write 'node: headend'" },
	{ "crashes that meet",
	  "timeline:\n- {at: 5s, for: 3s, node: headend, do: crash}\n"
	  "- {at: 7s, for: 3s, node: headend, do: crash}" ECHO,
	  "9:3: 'crash' meets that of line 8 at the same time: keep them apart" },
	{ "a crash beside the tunnel",
	  "timeline: [{at: 5s, for: 1s, node: headend, do: crash}]\n"
	  "traffic: [{echo: {interval: 1s, duration: 60s, outer: yes}}]",
	  "7:12: no target runs where all traffic is 'outer: yes'" },
	{ "what is asked", "timeline: [{every: 5s, node: client, do: rekey-child}]" ECHO, NULL },
	{ "of both ends",
	  "timeline:\n- {at: 5s, node: client, do: rekey-ike}\n"
	  "- {at: 5s, node: headend, do: rekey-ike}" ECHO,
	  NULL },
	{ "for a while", "timeline: [{at: 5s, for: 1s, node: client, do: liveness}]",
	  "7:26: 'liveness' is done at once: write 'at', or 'every' without 'for'" },
	{ "of who has no target", "timeline: [{at: 5s, node: server, do: rekey-ike}]",
	  "7:27: 'rekey-ike' is asked of a target: write 'node: client' or 'node: headend'" },
	{ "a direction that is down", "timeline: [{at: 5s, link: lan, direction: up, do: down}]",
	  "7:43: 'down' is of a whole link, not of a direction: for one direction write 'do: "
	  "block'" },
	{ "an MTU of a direction", "timeline: [{at: 5s, link: lan, direction: up, mtu: 1300}]",
	  "7:43: 'mtu 1300' is of a whole link, not of a direction" },
	{ "up without down", "timeline: [{at: 5s, link: lan, do: up}]" ECHO,
	  "7:12: this link is not down here: write 'do: down' with an earlier 'at'" },
	{ "up of another link",
	  "timeline:\n- {at: 5s, link: lan, do: down}\n- {at: 6s, link: inside, do: up}" ECHO,
	  "9:3: this link is not down here: write 'do: down' with an earlier 'at'" },
	{ "up twice",
	  "timeline:\n- {at: 5s, link: lan, do: down}\n- {at: 6s, link: lan, do: up}\n"
	  "- {at: 7s, link: lan, do: up}" ECHO,
	  "10:3: this link is not down here: write 'do: down' with an earlier 'at'" },
	{ "up for a while", "timeline: [{at: 5s, for: 1s, link: lan, do: up}]",
	  "7:45: 'up' ends a 'do: down': write 'at' alone" },
	{ "an MTU below IPv4's", "timeline: [{at: 5s, link: lan, mtu: 67}]",
	  "7:37: '67' is out of range: write 68 to 1500 bytes" },
	{ "an MTU above the link's", "timeline: [{at: 5s, link: lan, mtu: 1501}]",
	  "7:37: '1501' is out of range: write 68 to 1500 bytes" },
	{ "an MTU below IPv6's", "timeline: [{at: 5s, link: lan, mtu: 1279}]\nfamily: ipv6" ECHO,
	  "7:37: IPv6 needs an MTU of at least 1280 (RFC 8200 section 5)" },
	{ "IPv6's own", "timeline: [{at: 5s, link: lan, mtu: 1280}]\nfamily: ipv6" ECHO, NULL },

	/* what contradicts */
	{ "two blocks",
	  "timeline:\n- {from: 5s, to: 9s, link: lan, do: block}\n"
	  "- {at: 8s, for: 1s, link: lan, direction: up, do: block}" ECHO,
	  "9:3: 'block' meets that of line 8 at the same time: keep them apart" },
	{ "one after the other",
	  "timeline:\n- {from: 5s, to: 9s, link: lan, do: block}\n"
	  "- {at: 9s, for: 1s, link: lan, do: block}" ECHO,
	  NULL },
	{ "in two directions",
	  "timeline:\n- {from: 5s, to: 9s, link: lan, direction: down, do: block}\n"
	  "- {at: 8s, for: 1s, link: lan, direction: up, do: block}" ECHO,
	  NULL },
	{ "of two links",
	  "timeline:\n- {from: 5s, to: 9s, link: lan, do: block}\n"
	  "- {at: 8s, for: 1s, link: inside, do: block}" ECHO,
	  NULL },
	{ "two periods that meet",
	  "timeline:\n- {every: 10s, for: 1s, link: lan, loss: 1%}\n"
	  "- {every: 4s, for: 1s, link: lan, loss: 2%}" ECHO,
	  "8:3: 'loss 1%' meets that of line 9 at the same time: keep them apart" },
	{ "two that do not",
	  "timeline:\n- {every: 10s, for: 1s, link: lan, loss: 1%}\n"
	  "- {every: 10s, from: 12s, for: 2s, link: lan, loss: 2%}" ECHO,
	  NULL },
	{ "two keys",
	  "timeline:\n- {from: 5s, to: 9s, link: lan, loss: 1%}\n"
	  "- {from: 6s, to: 8s, link: lan, delay: 1ms}" ECHO,
	  NULL },
	{ "a window over what stays",
	  "timeline:\n- {at: 5s, link: lan, loss: 1%}\n- {from: 6s, to: 8s, link: lan, loss: 2%}" ECHO,
	  NULL },
	{ "two that stay",
	  "timeline:\n- {at: 5s, link: lan, mtu: 1400}\n- {at: 5s, link: lan, mtu: 1300}" ECHO,
	  "9:3: 'mtu 1300' meets that of line 8 at the same time: keep them apart" },
	{ "an outage in an outage",
	  "timeline:\n- {at: 5s, link: lan, do: down}\n- {at: 8s, link: lan, do: down}" ECHO,
	  "9:3: 'down' meets that of line 8 at the same time: keep them apart" },
	{ "two models at a time",
	  "timeline:\n- {from: 5s, to: 9s, link: lan, loss: 1%}\n"
	  "- {at: 8s, link: lan, direction: up, gemodel: {p: 1%, r: 1%}}" ECHO,
	  "9:47: 'loss' and 'gemodel' are two models of loss: keep one of them" },
	{ "two models, one after the other",
	  "timeline:\n- {from: 5s, to: 9s, link: lan, loss: 1%}\n"
	  "- {from: 9s, to: 12s, link: lan, gemodel: {p: 1%, r: 1%}}" ECHO,
	  NULL },
	{ "jitter without its delay",
	  "impair: [{link: lan, delay: 1ms}]\ntimeline:\n- {at: 5s, link: lan, jitter: 2ms}" ECHO,
	  "9:31: 'jitter' is more than 'delay': no packet can arrive before it was sent" },
	{ "jitter over a later delay",
	  "timeline:\n- {at: 5s, link: lan, delay: 9ms}\n- {at: 6s, link: lan, jitter: 2ms}" ECHO,
	  NULL },
	{ "an engine that cannot",
	  "impair: [{link: lan, engine: netem, delay: 9ms, jitter: 1ms}]\ntimeline:\n"
	  "- {at: 5s, link: lan, delay-correlation: 10%}" ECHO,
	  "9:42: 'delay-correlation' needs engine: wire (here it is netem): ..." },
	{ "the engine of the other direction",
	  "impair: [{link: lan, direction: up, engine: wire}]\n"
	  "timeline: [{at: 5s, link: lan, direction: down, delay: 9ms, jitter: 1ms, "
	  "delay-correlation: 10%}]" ECHO,
	  NULL },
};

int main(void)
{
	files_begin();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { 0 };

		files_case("case.yaml", GOOD_LINES + 1, rows[i].with);

		AUTO_CASE struct spec_case *c = spec_case_load("case.yaml", &err);

		if (!rows[i].want)
			tap_ok(c, "%s: good %s", rows[i].name, err.text);
		else
			tap_ok(!c && err.kind == ERR_USAGE &&
				       files_matches(err.text, "case.yaml", rows[i].want),
			       "%s", rows[i].name);
	}
	return tap_done();
}
