// SPDX-License-Identifier: Apache-2.0
/* The names: words and numbers of each family, in the order in which they are written. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "decode/esp.h"
#include "decode/ike.h"
#include "decode/meaning-state.h"
#include "decode/openvpn.h"
#include "decode/tls.h"

static const struct meaning_word tcp_kinds[] = {
	{ "data", TCP_DATA },
	{ "ack", TCP_ACK },
	{ "syn", TCP_SYN },
	{ "synack", TCP_SYNACK },
	{ "fin", TCP_FIN },
	{ "rst", TCP_RST },
	{ 0 },
};

/* IANA, "Internet Key Exchange Version 2 (IKEv2) Parameters", exchange types */
static const struct meaning_word ike_exchanges[] = {
	{ "IKE_SA_INIT", IKE_SA_INIT },
	{ "IKE_AUTH", IKE_AUTH },
	{ "CREATE_CHILD_SA", IKE_CREATE_CHILD_SA },
	{ "INFORMATIONAL", IKE_INFORMATIONAL },
	{ "IKE_SESSION_RESUME", 38 },
	{ "IKE_INTERMEDIATE", 43 },
	{ "IKE_FOLLOWUP_KE", 44 },
	{ 0 },
};

static const struct meaning_word ike_sides[] = { { "req", 0 }, { "resp", 1 }, { 0 } };

/* RFC 2408 section 3.1, RFC 2409 section 5 (Main Mode is the Identity Protection Exchange) */
static const struct meaning_word ikev1_exchanges[] = {
	{ "MAIN", 2 },	      { "AGGRESSIVE", 4 }, { "INFORMATIONAL", 5 },
	{ "TRANSACTION", 6 }, { "QUICK", 32 },	   { 0 },
};

static const struct meaning_word natt_kinds[] = { { "keepalive", 0 }, { 0 } };

static const struct meaning_word tls_types[] = {
	{ "change_cipher_spec", TLS_CHANGE_CIPHER_SPEC },
	{ "alert", TLS_ALERT },
	{ "handshake", TLS_HANDSHAKE },
	{ "appdata", TLS_APPDATA },
	{ "heartbeat", TLS_HEARTBEAT },
	{ "cid", DTLS_CID },
	{ "ack", DTLS_ACK },
	{ "ciphertext", DTLS_CIPHERTEXT },
	{ 0 },
};

/* IANA, "TLS HandshakeType" */
static const struct meaning_word handshakes[] = {
	{ "hello_request", 0 },
	{ "client_hello", 1 },
	{ "server_hello", 2 },
	{ "hello_verify_request", 3 },
	{ "new_session_ticket", 4 },
	{ "encrypted_extensions", 8 },
	{ "certificate", 11 },
	{ "server_key_exchange", 12 },
	{ "certificate_request", 13 },
	{ "server_hello_done", 14 },
	{ "certificate_verify", 15 },
	{ "client_key_exchange", 16 },
	{ "finished", 20 },
	{ "certificate_status", 22 },
	{ "key_update", 24 },
	{ 0 },
};

static const struct meaning_word wg_kinds[] = {
	{ "initiation", WG_INITIATION }, { "response", WG_RESPONSE },
	{ "cookie", WG_COOKIE },	 { "data", WG_DATA },
	{ "keepalive", WG_KEEPALIVE },	 { 0 },
};

static const struct meaning_word ovpn_opcodes[] = {
	{ "hard_reset_client_v1", OPENVPN_HARD_RESET_CLIENT_V1 },
	{ "hard_reset_server_v1", OPENVPN_HARD_RESET_SERVER_V1 },
	{ "soft_reset_v1", OPENVPN_SOFT_RESET_V1 },
	{ "control_v1", OPENVPN_CONTROL_V1 },
	{ "ack_v1", OPENVPN_ACK_V1 },
	{ "data_v1", OPENVPN_DATA_V1 },
	{ "hard_reset_client_v2", OPENVPN_HARD_RESET_CLIENT_V2 },
	{ "hard_reset_server_v2", OPENVPN_HARD_RESET_SERVER_V2 },
	{ "data_v2", OPENVPN_DATA_V2 },
	{ "hard_reset_client_v3", OPENVPN_HARD_RESET_CLIENT_V3 },
	{ "control_wkc_v1", OPENVPN_CONTROL_WKC_V1 },
	{ 0 },
};

const struct meaning_grammar meaning_grammars[MEANING_FAMILIES] = {
	[MEANING_TCP] = { "tcp", { { tcp_kinds, "kind" } }, { "+", "conn", "tx" } },
	[MEANING_IKE] = { "ike",
			  { { ike_exchanges, "exchange" }, { ike_sides, "side" } },
			  { "mid", "frag", "sa", "tx" } },
	[MEANING_IKEV1] = { "ikev1",
			    { { ikev1_exchanges, "exchange" } },
			    { "x", "msg", "frag", "sa", "tx" } },
	[MEANING_ESP] = { "esp", { { 0 } }, { "spi", "seq", "tx" } },
	[MEANING_NATT] = { "natt", { { natt_kinds, "kind" } }, { NULL } },
	[MEANING_TLS] = { "tls",
			  { { tls_types, "type" }, { handshakes, "message" } },
			  { "rec", "conn", "tx" } },
	[MEANING_DTLS] = { "dtls",
			   { { tls_types, "type" }, { handshakes, "message" } },
			   { "msg", "epoch", "seq", "tx" } },
	[MEANING_WG] = { "wg", { { wg_kinds, "kind" } }, { "hs", "session", "ctr", "tx" } },
	[MEANING_OVPN] = { "ovpn",
			   { { ovpn_opcodes, "opcode" } },
			   { "session", "key", "id", "tx" } },
	[MEANING_UDP] = { "udp", { { 0 } }, { "sport", "dport" } },
	[MEANING_ICMP] = { "icmp", { { 0 } }, { "type", "code" } },
	[MEANING_ICMP6] = { "icmp6", { { 0 } }, { "type", "code" } },
	[MEANING_IP] = { "ip", { { 0 } }, { "proto" } },
	[MEANING_FRAG] = { "frag", { { 0 } }, { NULL } },
};

/* Adds to a text as far as there is room; its length */
__attribute__((format(printf, 4, 5))) static size_t add(char *buf, size_t size, size_t used,
							const char *fmt, ...)
{
	va_list ap;
	int n;

	if (used + 1 >= size)
		return used;
	va_start(ap, fmt);
	n = vsnprintf(buf + used, size - used, fmt, ap);
	va_end(ap);
	return n > 0 && (size_t)n < size - used ? used + (size_t)n : size - 1;
}

/**
 * meaning_text() - The name of a message
 * @m:		The meaning
 * @buf:	Receives the text
 * @size:	Its size; MEANING_TEXT_MAX is enough for any
 *
 * Return: the length of the text
 */
size_t meaning_text(const struct meaning *m, char *buf, size_t size)
{
	const struct meaning_grammar *g = &meaning_grammars[m->family];
	size_t used = add(buf, size, 0, "%s", g->name);

	for (int i = 0; i < MEANING_WORDS; i++) {
		const struct meaning_word *w = g->word[i].words;

		if (!w || m->word[i] == MEANING_NO_WORD)
			continue;
		while (w->name && w->value != m->word[i])
			w++;
		used = w->name ? add(buf, size, used, ":%s", w->name)
			       : add(buf, size, used, ":%s%u", g->word[i].other, m->word[i]);
	}
	for (int i = 0; i < MEANING_NUMBERS && g->number[i]; i++)
		if (m->has & 1U << i)
			used = add(buf, size, used, ":%s%" PRIu64, g->number[i], m->number[i]);
	return used;
}

/**
 * meanings_text() - The names of all that a frame means, a space between
 * @m:		The meanings
 * @buf:	Receives the text, cut short at the end of a name if there is no room
 * @size:	Its size, at least 1
 *
 * Return: the length of the text
 */
size_t meanings_text(const struct meanings *m, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < m->len; i++) {
		char one[MEANING_TEXT_MAX];
		size_t len = meaning_text(&m->list[i], one, sizeof(one));

		if (used + 1 + len >= size)
			break;
		used = add(buf, size, used, "%s%s", i ? " " : "", one);
	}
	return used;
}
