// SPDX-License-Identifier: Apache-2.0
/*
 * decode/meaning against tshark, frame by frame, over captures of real daemons: what both
 * say of exchange types, message ids, SPIs, sequence numbers, records, counters, opcodes.
 *
 * tests/captures were made by strongSwan, OpenConnect and ocserv in the laboratory, by
 * OpenVPN 2.6 and by wireguard-go.  More captures may be named on the command line.
 */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "decode/meaning.h"
#include "decode/trace.h"
#include "spec/selector.h"
#include "tests/spec-files.h"

#define CAPTURES     "harness/tests/captures/"
#define LINE_MAX_LEN 2000

static const char *const captures[] = {
	"strongswan-udp.pcap",	 "strongswan-esp.pcap", "strongswan-ctcp.pcap",
	"openconnect-dtls.pcap", "openvpn-udp.pcap",	"openvpn-auth.pcap",
	"openvpn-crypt.pcap",	 "openvpn-tcp.pcap",	"wireguard.pcap",
};

/* A field of tshark, and the part of a meaning that it must equal, in all that a frame means */
static const struct view {
	const char *field;
	enum meaning_family family;
	int word; /* the word of that place, or */
	const char *number; /* the number of that name; both none: not what we name */
	bool stream; /* tshark shows it where the message ends: only the order is compared */
} views[] = {
	{ "isakmp.exchangetype", MEANING_IKE, 0, NULL, false },
	{ "isakmp.messageid", MEANING_IKE, -1, "mid", false },
	{ "isakmp.flag_r", MEANING_IKE, 1, NULL, false },
	{ "esp.sequence", MEANING_ESP, -1, "seq", false },
	{ "tls.record.content_type", MEANING_TLS, 0, NULL, true },
	{ "tls.handshake.type", MEANING_TLS, 1, NULL, true },
	{ "dtls.record.content_type", MEANING_DTLS, 0, NULL, false },
	{ "dtls.record.epoch", MEANING_DTLS, -1, "epoch", false },
	{ "dtls.record.sequence_number", MEANING_DTLS, -1, "seq", false },
	{ "dtls.handshake.type", MEANING_DTLS, 1, NULL, false },
	{ "dtls.handshake.message_seq", MEANING_DTLS, -1, "msg", false },
	{ "wg.counter", MEANING_WG, -1, "ctr", false },
	{ "openvpn.opcode", MEANING_OVPN, 0, NULL, false },
	{ "openvpn.keyid", MEANING_OVPN, -1, "key", false },
	{ "icmp.type", MEANING_ICMP, -1, "type", false },
	{ "tcp.seq", MEANING_TCP, -1, "+", false },
	{ "esp.spi", MEANING_ESP, -1, "spi", false },
	{ "openvpn.mpid", MEANING_OVPN, -1, "id", false },
};
#define VIEWS (int)ARRAY_SIZE(views)

/* What ours says, as tshark would: values with commas between */
struct said {
	char text[VIEWS][LINE_MAX_LEN];
};

static struct said *ours, *theirs; /* a row for each frame */
static size_t frames;
static struct meanings *all;
static int *directions;

static void append(char *to, const char *what)
{
	size_t used = strlen(to);

	snprintf(to + used, LINE_MAX_LEN - used, "%s%s", used ? "," : "", what);
}

static void append_number(char *to, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	append(to, text);
}

/* --- ours --------------------------------------------------------------------------------- */

static const uint64_t *number(const struct meaning *m, const char *name)
{
	const char *const *names = meaning_grammars[m->family].number;

	for (int i = 0; i < MEANING_NUMBERS && names[i]; i++)
		if (!strcmp(names[i], name))
			return (m->has & 1U << i) ? &m->number[i] : NULL;
	return NULL;
}

static bool is_tcp(const struct meaning *m, const char *kind)
{
	char text[MEANING_TEXT_MAX];

	meaning_text(m, text, sizeof(text));
	return m->family == MEANING_TCP && !strncmp(text + 4, kind, strlen(kind));
}

static void say(struct said *s, const struct meanings *m)
{
	for (size_t i = 0; i < m->len; i++)
		for (int v = 0; v < VIEWS; v++) {
			const struct meaning *one = &m->list[i];
			const uint64_t *n = views[v].number ? number(one, views[v].number) : NULL;

			if (one->family != views[v].family || is_tcp(one, "ack:"))
				continue; /* the place of an ACK is what it acknowledges */
			if (n)
				append_number(s->text[v], *n);
			else if (views[v].word >= 0 && one->word[views[v].word] != MEANING_NO_WORD)
				append_number(s->text[v], one->word[views[v].word]);
		}
}

/* Direction 0 is that of the sender of the first packet */
static void read_ours(const struct trace *t)
{
	struct meaning_state *s = meaning_state_new();
	const uint8_t *first = t->frames[0].packet.src;
	size_t outside = 0;

	frames = t->len;
	ours = calloc(frames, sizeof(*ours));
	all = calloc(frames, sizeof(*all));
	directions = calloc(frames, sizeof(*directions));
	for (size_t i = 0; i < frames; i++) {
		const struct packet *p = &t->frames[i].packet;

		directions[i] = memcmp(p->src, first, p->version == 4 ? 4 : 16) != 0;
		meaning_read(s, directions[i], t->frames[i].bytes, t->frames[i].len, &all[i]);
		for (size_t n = 0; n < all[i].len; n++)
			outside += all[i].list[n].at + all[i].list[n].len > t->frames[i].len;
		say(&ours[i], &all[i]);
	}
	tap_is(outside, 0, "every message lies in its frame");
	meaning_state_free(s);
}

/* --- theirs --------------------------------------------------------------------------------- */

static char *ask_tshark(const char *capture)
{
	const char *argv[8 + 2 * VIEWS + 1] = {
		"tshark", "-r", capture, "-o", "tcp.analyze_sequence_numbers:TRUE", "-T", "fields"
	};
	int n = 7, status = -1;
	posix_spawn_file_actions_t actions;
	struct err err = { 0 };
	pid_t pid;

	for (int v = 0; v < VIEWS; v++) {
		argv[n++] = "-e";
		argv[n++] = views[v].field;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "shown", O_CREAT | O_TRUNC | O_WRONLY, 0644);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return status == 0 ? io_read_file("shown", NULL, &err) : NULL;
}

static bool read_theirs(const char *capture)
{
	AUTO_FREE char *text = ask_tshark(capture);
	char *lines = text, *line;
	size_t n = 0;

	theirs = calloc(frames, sizeof(*theirs));
	while (text && *lines && n < frames && (line = strsep(&lines, "\n"))) {
		for (int v = 0; v < VIEWS && line; v++) {
			char *field = strsep(&line, "\t"), *value;

			while ((value = strsep(&field, ",")) && *value)
				append_number(theirs[n].text[v], strtoull(value, NULL, 0));
		}
		n++;
	}
	return text && n == frames;
}

/* --- both ------------------------------------------------------------------------------------- */

static int view_of(const char *field)
{
	for (int v = 0; v < VIEWS; v++)
		if (!strcmp(views[v].field, field))
			return v;
	abort();
}

/*
 * What tshark shows and we do not name: TLS inside of OpenVPN, and the packet that an ICMP
 * error quotes.  What it has wrong: IKE from port 4500 in cTCP it takes for ESP, whose SPI
 * is then the two ports.
 */
static bool left_out(size_t i, enum meaning_family family)
{
	if (*theirs[i].text[view_of("icmp.type")])
		return family != MEANING_ICMP;
	if (*theirs[i].text[view_of("openvpn.opcode")])
		return family == MEANING_TLS;
	return family != MEANING_TCP &&
	       !strcmp(theirs[i].text[view_of("esp.spi")], "294916500"); /* 4500, 4500 */
}

static void compare_frames(const char *name, int v)
{
	size_t wrong = 0, values = 0;

	for (size_t i = 0; i < frames; i++) {
		const char *got = ours[i].text[v], *want = theirs[i].text[v];

		if (left_out(i, views[v].family))
			continue;
		if (!strcmp(views[v].field, "tcp.seq") && !*got)
			continue; /* a pure ACK */
		values += *want != 0;
		if (strcmp(got, want) != 0 && !wrong++)
			printf("# frame %zu: got '%s', tshark has '%s'\n", i + 1, got, want);
	}
	if (values)
		tap_is(wrong, 0, "%s: %s of %zu frames", name, views[v].field, values);
}

/* The two directions each in a row */
static void compare_streams(const char *name, int v)
{
	static char got[1 << 20], want[1 << 20];

	for (int d = 0; d < 2; d++) {
		size_t used[2] = { 0 };

		got[0] = want[0] = 0;
		for (size_t i = 0; i < frames; i++) {
			if (directions[i] != d || left_out(i, views[v].family))
				continue;
			if (*ours[i].text[v])
				used[0] += (size_t)snprintf(got + used[0], sizeof(got) - used[0],
							    "%s,", ours[i].text[v]);
			if (*theirs[i].text[v])
				used[1] += (size_t)snprintf(want + used[1], sizeof(want) - used[1],
							    "%s,", theirs[i].text[v]);
		}
		if (used[0] + used[1])
			tap_str(got, want, "%s: %s, one way", name, views[v].field);
	}
}

/* SPIs are numbered in the order in which they came: equal numbers, equal SPIs */
static void compare_spis(const char *name)
{
	int v = view_of("esp.spi");
	size_t pairs = 0, wrong = 0;

	for (size_t i = 0; i < frames; i++)
		for (size_t j = 0; j < i; j++) {
			if (!*ours[i].text[v] || !*ours[j].text[v] || left_out(i, MEANING_ESP) ||
			    left_out(j, MEANING_ESP) || directions[i] != directions[j])
				continue;
			pairs++;
			wrong += !strcmp(ours[i].text[v], ours[j].text[v]) !=
				 !strcmp(theirs[i].text[v], theirs[j].text[v]);
		}
	if (pairs)
		tap_is(wrong, 0, "%s: SPIs are told apart, %zu pairs of packets", name, pairs);
}

/* tshark reads tls-auth's numbers by guess, and the ids of acknowledgements: ours must agree
 * where both have one, and ours has one wherever the control channel can be read */
static void compare_ids(const char *name)
{
	int v = view_of("openvpn.mpid");
	size_t same = 0, wrong = 0;

	for (size_t i = 0; i < frames; i++) {
		if (!*ours[i].text[v] || !*theirs[i].text[v])
			continue;
		if (strcmp(ours[i].text[v], theirs[i].text[v]) != 0 && !wrong++)
			printf("# frame %zu: got '%s', tshark has '%s'\n", i + 1, ours[i].text[v],
			       theirs[i].text[v]);
		same++;
	}
	if (same)
		tap_is(wrong, 0, "%s: openvpn.mpid of %zu frames", name, same);
}

/* The name of a message is a pattern that it has, and that nothing else has */
static void check_names(const char *name)
{
	size_t unread = 0, missed = 0, shared = 0, names = 0;

	for (size_t i = 0; i < frames; i++)
		for (size_t n = 0; n < all[i].len; n++) {
			char text[MEANING_TEXT_MAX];
			struct selector s;
			struct err err = { 0 };
			size_t at;

			meaning_text(&all[i].list[n], text, sizeof(text));
			if (selector_parse(text, &s, &at, &err)) {
				unread++;
				continue;
			}
			missed += selector_match(&s, DIR_UP, &all[i]) != &all[i].list[n] &&
				  strstr(text, ":tx");
			names++;
			for (size_t j = 0; j < frames && strstr(text, ":tx"); j++)
				if (j != i && directions[j] == directions[i] &&
				    selector_match(&s, DIR_UP, &all[j]) && !shared++)
					printf("# '%s' is frame %zu and %zu\n", text, i + 1, j + 1);
		}
	tap_is(unread, 0, "%s: %zu names are patterns", name, names);
	tap_is(missed, 0, "%s: each is true of its message", name);
	tap_is(shared, 0, "%s: and of no other frame", name);
}

static void check_capture(const char *path, const char *name)
{
	struct err err = { 0 };
	struct trace trace;
	size_t len = 0;
	AUTO_FREE char *bytes = io_read_file(path, &len, &err);

	if (!bytes || trace_read((const uint8_t *)bytes, len, &trace, &err) || !trace.len) {
		tap_ok(false, "%s: %s", name, err.text);
		return;
	}
	read_ours(&trace);
	if (read_theirs(path)) {
		for (int v = 0; v < VIEWS; v++) {
			if (!strcmp(views[v].field, "esp.spi"))
				compare_spis(name);
			else if (!strcmp(views[v].field, "openvpn.mpid"))
				compare_ids(name);
			else if (views[v].stream)
				compare_streams(name, v);
			else
				compare_frames(name, v);
		}
	} else {
		tap_skip("tshark is not there");
	}
	if (frames < 1000) /* compares each with each */
		check_names(name);
	free(ours);
	free(theirs);
	free(all);
	free(directions);
	trace_release(&trace);
}

int main(int argc, char **argv)
{
	AUTO_FREE char *home = realpath(CAPTURES, NULL);
	AUTO_FREE char **given = calloc((size_t)argc + 1, sizeof(*given));

	for (int i = 1; i < argc; i++)
		given[i] = realpath(argv[i], NULL);
	files_begin();
	for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
		AUTO_FREE char *path = io_printf("%s/%s", home ? home : ".", captures[i]);

		check_capture(path, captures[i]);
	}
	for (int i = 1; i < argc; i++) {
		check_capture(given[i] ? given[i] : argv[i], argv[i]);
		free(given[i]);
	}
	return tap_done();
}
