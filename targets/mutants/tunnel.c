// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 *   client:    DOWN --up--> ASKING --response--> UP --silence--> ASKING (down, but wanted)
 *   head-end:  UP as soon as a session was confirmed, that is used by the client
 *
 * The client asks for every session, and sends the same request again after 1 s, 2 s, 4 s
 * and then every 8 s, as long as the tunnel is wanted.  The head-end answers a request that it
 * has answered with the same response, and so makes one session of it.  A session is followed
 * by another after rekey_ns and refused 1.5 times that old; both ends keep the ones before to
 * receive, and the head-end sends with a new one when the client has used it.
 *
 * With liveness checks the client asks when it has heard nothing for dpd_ns, and again after as
 * long; three without an answer, and the peer is dead: the tunnel is down, no data leaves, and a
 * new session is asked for.  It is up again with the response.
 */
#include "tunnel.h"

#include <inttypes.h>
#include <string.h>

#include "base/units.h"

#define GAP_MIN_NS NS_PER_S
#define GAP_MAX_NS (8 * NS_PER_S)
#define CHECKS	   3

/* of faults */
#define PATIENCE_NS NS_PER_S
#define IDLE_NS	    (600 * NS_PER_S)
#define CONNECTIONS 100
#define COUNTER_MAX 4095

/**
 * tunnel_init() - Nothing happens yet; a head-end listens
 * @t:		Filled in
 * @client:	Role
 * @psk:	Both ends have it
 * @fault:	What is wrong with it
 * @dpd_ns:	Silence before a liveness check; 0: there are none
 * @rekey_ns:	Age at which a session is followed by another
 * @world:	Borrowed
 */
void tunnel_init(struct tunnel *t, bool client, const struct psk *psk, enum fault fault,
		 uint64_t dpd_ns, uint64_t rekey_ns, const struct world *world)
{
	*t = (struct tunnel){
		.world = world,
		.fault = fault,
		.client = client,
		.psk = *psk,
		.dpd_ns = dpd_ns,
		.rekey_ns = rekey_ns,
		.current = -1,
		.request_due_ns = UINT64_MAX,
		.check_due_ns = UINT64_MAX,
	};
}

static void set_up(struct tunnel *t, bool up)
{
	if (t->up == up)
		return;
	t->up = up;
	t->world->state(t->world->ctx, up);
}

static struct session *current(struct tunnel *t)
{
	return t->current < 0 ? NULL : &t->sessions[t->current];
}

/* --- the handshake ---------------------------------------------------------------------- */

static void new_request(struct tunnel *t)
{
	uint8_t nonce[MESSAGE_NONCE_LEN];

	t->world->random(t->world->ctx, nonce, sizeof(nonce));
	message_request(&t->psk, t->index, nonce, t->request);
}

static bool tries_again(const struct tunnel *t)
{
	return t->fault != FAULT_NEVER_RETRANSMITS && (t->fault != FAULT_GIVES_UP || t->tries < 2);
}

static void send_request(struct tunnel *t, uint64_t now)
{
	if (t->tries++ && t->fault == FAULT_CHANGES_REQUEST)
		new_request(t);
	t->world->send(t->world->ctx, false, t->request, sizeof(t->request));
	t->request_due_ns = tries_again(t) ? now + t->gap_ns : UINT64_MAX;
	if (t->fault != FAULT_NO_BACKOFF && t->gap_ns < GAP_MAX_NS)
		t->gap_ns *= 2;
}

static void ask_for_session(struct tunnel *t, uint64_t now)
{
	t->world->random(t->world->ctx, (uint8_t *)&t->index, sizeof(t->index));
	new_request(t);
	t->tries = 0;
	t->gap_ns = GAP_MIN_NS;
	t->asked_ns = now;
	t->asking = true;
	send_request(t, now);
}

/* In the place of the oldest one that nothing is sent with */
static struct session *new_session(struct tunnel *t, uint32_t local, uint32_t remote, uint64_t now)
{
	int oldest = t->current == 0 ? 1 : 0;
	struct session *s;

	for (int i = 0; i < TUNNEL_SESSIONS; i++)
		if (i != t->current && t->sessions[i].born_ns < t->sessions[oldest].born_ns)
			oldest = i;
	s = &t->sessions[oldest];
	*s = (struct session){
		.valid = true,
		.clear = t->fault == FAULT_CLEAR_AFTER_REKEY && t->made,
		.local = local,
		.remote = remote,
		.born_ns = now,
	};
	t->made++;
	message_keys(&t->psk, t->request, t->response, t->client ? &s->out : &s->in,
		     t->client ? &s->in : &s->out);
	return s;
}

static void send_data(struct tunnel *t, const uint8_t *plain, size_t len)
{
	struct session *s = current(t);
	uint8_t bytes[MESSAGE_MAX];
	size_t n;

	if (!s || (t->fault == FAULT_COUNTER_ENDS && s->next >= COUNTER_MAX))
		return;
	n = message_seal(&s->out, s->remote, s->next++, s->clear, plain, len, bytes);
	for (int copies = t->fault == FAULT_SENDS_TWICE ? 2 : 1; n && copies; copies--)
		t->world->send(t->world->ctx, false, bytes, n);
}

static void send_control(struct tunnel *t, enum message_control what)
{
	uint8_t byte = (uint8_t)what;

	send_data(t, &byte, 1);
}

static void hear(struct tunnel *t, uint64_t now)
{
	t->heard_ns = now;
	t->checks = 0;
	t->check_due_ns = t->client && t->dpd_ns ? now + t->dpd_ns : UINT64_MAX;
}

static bool is_too_old(const struct tunnel *t, const struct session *s, uint64_t now)
{
	return t->fault != FAULT_NO_REKEY && now - s->born_ns >= t->rekey_ns + t->rekey_ns / 2;
}

/* The head-end's side.  A request that came before is answered as before */
static void take_request(struct tunnel *t, const uint8_t *bytes, uint32_t sender, uint64_t now)
{
	uint8_t nonce[MESSAGE_NONCE_LEN];
	uint32_t local;
	bool again = memcmp(bytes, t->request, sizeof(t->request)) == 0;

	if (!again || t->fault == FAULT_SECOND_SA) {
		memcpy(t->request, bytes, sizeof(t->request));
		t->world->random(t->world->ctx, (uint8_t *)&local, sizeof(local));
		t->world->random(t->world->ctx, nonce, sizeof(nonce));
		message_response(&t->psk, bytes, local, nonce, t->response);
		new_session(t, local, sender, now);
	}
	for (int copies = t->fault == FAULT_ANSWERS_UNASKED ? 2 : 1; copies; copies--)
		t->world->send(t->world->ctx, true, t->response, sizeof(t->response));
}

/* The client's side */
static void take_response(struct tunnel *t, const uint8_t *bytes, uint32_t sender, uint64_t now)
{
	memcpy(t->response, bytes, sizeof(t->response));
	t->current = (int)(new_session(t, t->index, sender, now) - t->sessions);
	t->asking = false;
	t->request_due_ns = UINT64_MAX;
	hear(t, now);
	send_control(t, CONTROL_ASK); /* the head-end sends with a session that was used */
	set_up(t, true);
}

/* --- data ------------------------------------------------------------------------------- */

static bool is_syn(const uint8_t *packet, size_t len)
{
	size_t header = packet[0] >> 4 == 6 ? 40 : (packet[0] & 15) * 4U;
	uint8_t protocol = packet[packet[0] >> 4 == 6 ? 6 : 9];

	return len >= header + 14 && protocol == 6 && (packet[header + 13] & 0x12) == 0x02;
}

/* An honest tunnel lets all packets in */
static bool refuses(struct tunnel *t, const uint8_t *packet, size_t len, uint64_t now)
{
	if (t->fault == FAULT_ONE_WAY)
		return !t->client;
	if (t->fault == FAULT_FORGETS_OLD_KEY)
		return t->asking;
	if (t->fault == FAULT_FEW_FLOWS)
		return is_syn(packet, len) && ++t->connections > CONNECTIONS;
	if (t->fault != FAULT_FORGETS_IDLE)
		return false;
	if (t->used_ns && now - t->used_ns > IDLE_NS)
		return true;
	t->used_ns = now;
	return false;
}

/**
 * tunnel_from_inside() - The inside has sent a packet
 * @t:		Tunnel
 * @packet:	A whole IP packet
 * @len:	Bytes
 * @now_ns:	The time
 */
void tunnel_from_inside(struct tunnel *t, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	const struct session *s = current(t);

	if (!s || !t->up || is_too_old(t, s, now_ns))
		return;
	if (!refuses(t, packet, len, now_ns))
		send_data(t, packet, len);
}

static size_t inner_len(const uint8_t *p, size_t have)
{
	size_t len = 0;

	if (p[0] >> 4 == 4 && have >= 20)
		len = (size_t)p[2] << 8 | p[3];
	else if (p[0] >> 4 == 6 && have >= 40)
		len = 40 + ((size_t)p[4] << 8 | p[5]);
	return len <= have ? len : 0;
}

static void take_plain(struct tunnel *t, const uint8_t *plain, size_t len)
{
	size_t inner = inner_len(plain, len);

	if (inner)
		t->world->inside(t->world->ctx, plain, inner);
	else if (plain[0] == CONTROL_ASK && t->fault != FAULT_DEAF_TO_LIVENESS)
		send_control(t, CONTROL_ANSWER);
	else if (plain[0] == CONTROL_BYE)
		tunnel_down(t, 0);
}

/* RFC 4303 section 3.4.3 */
static bool is_replay(const struct tunnel *t, const struct session *s, uint64_t counter)
{
	if (t->fault == FAULT_ACCEPTS_REPLAY)
		return false;
	if (t->fault == FAULT_WINDOW_OF_ONE)
		return counter < s->window.next;
	return !window_has_room(&s->window, counter);
}

static void take_data(struct tunnel *t, const uint8_t *bytes, size_t len, uint64_t now)
{
	uint8_t plain[MESSAGE_MAX];
	struct session *s = NULL;
	uint32_t receiver;
	uint64_t counter;

	if (!message_head(bytes, len, &receiver, &counter))
		return;
	for (int i = 0; i < TUNNEL_SESSIONS; i++)
		if (t->sessions[i].valid && t->sessions[i].local == receiver)
			s = &t->sessions[i];
	if (!s || is_too_old(t, s, now))
		return;
	if (is_replay(t, s, counter)) {
		t->replays++;
		return;
	}
	if (!message_open(&s->in, s->clear, bytes, len, plain) &&
	    t->fault != FAULT_ACCEPTS_DAMAGE) {
		t->damaged++;
		return;
	}
	if (window_has_room(&s->window, counter))
		window_note(&s->window, counter);
	if (!t->client && (t->current < 0 || s->born_ns > current(t)->born_ns)) {
		t->current = (int)(s - t->sessions);
		set_up(t, true);
	}
	if (!t->client)
		t->world->follow(t->world->ctx);
	hear(t, now);
	take_plain(t, plain, len - MESSAGE_OVERHEAD);
}

/**
 * tunnel_from_wire() - A datagram has come
 * @t:		Tunnel
 * @bytes:	What is in it
 * @len:	How many
 * @now_ns:	The time
 */
void tunnel_from_wire(struct tunnel *t, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
	uint32_t sender;

	if (!t->client && message_request_ok(&t->psk, bytes, len, &sender))
		take_request(t, bytes, sender, now_ns);
	else if (t->client && t->asking &&
		 message_response_ok(&t->psk, t->request, bytes, len, &sender) &&
		 (t->fault != FAULT_IMPATIENT || now_ns - t->asked_ns <= PATIENCE_NS))
		take_response(t, bytes, sender, now_ns);
	else
		take_data(t, bytes, len, now_ns);
}

/* --- time --------------------------------------------------------------------------------- */

/** tunnel_up() - The client wants it */
void tunnel_up(struct tunnel *t, uint64_t now_ns)
{
	t->wanted = true;
	if (!t->up && !t->asking)
		ask_for_session(t, now_ns);
}

/** tunnel_rekey() - A new session now; false: there is none to follow, or it is not the client's */
bool tunnel_rekey(struct tunnel *t, uint64_t now_ns)
{
	if (!t->client || !t->up)
		return false;
	if (!t->asking)
		ask_for_session(t, now_ns);
	return true;
}

/** tunnel_down() - It is no longer wanted: tell the other end, and forget all; @now_ns 0: it knows
 */
void tunnel_down(struct tunnel *t, uint64_t now_ns)
{
	if (now_ns && t->up)
		send_control(t, CONTROL_BYE);
	t->wanted = t->asking = false;
	t->request_due_ns = t->check_due_ns = UINT64_MAX;
	t->current = -1;
	memset(t->sessions, 0, sizeof(t->sessions));
	memset(t->request, 0, sizeof(t->request));
	set_up(t, false);
}

static uint64_t rekey_due(const struct tunnel *t)
{
	if (!t->client || !t->wanted || t->asking || t->current < 0 || t->fault == FAULT_NO_REKEY)
		return UINT64_MAX;
	return t->sessions[t->current].born_ns + t->rekey_ns;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** tunnel_deadline() - When tunnel_expire() has something to do; UINT64_MAX: never */
uint64_t tunnel_deadline(const struct tunnel *t)
{
	return earlier(rekey_due(t), earlier(t->request_due_ns, t->check_due_ns));
}

static void give_up_peer(struct tunnel *t, uint64_t now)
{
	t->check_due_ns = UINT64_MAX;
	t->current = -1;
	set_up(t, false);
	if (t->fault != FAULT_NO_RECOVERY)
		ask_for_session(t, now);
}

static void check(struct tunnel *t, uint64_t now)
{
	if (t->checks++ == (t->fault == FAULT_HAIR_TRIGGER ? 0 : CHECKS)) {
		give_up_peer(t, now);
		return;
	}
	send_control(t, CONTROL_ASK);
	t->check_due_ns = now + t->dpd_ns;
}

/** tunnel_expire() - Do what is due */
void tunnel_expire(struct tunnel *t, uint64_t now_ns)
{
	if (now_ns >= t->check_due_ns)
		check(t, now_ns);
	if (now_ns >= rekey_due(t))
		ask_for_session(t, now_ns);
	if (now_ns >= t->request_due_ns)
		send_request(t, now_ns);
}

/** tunnel_print() - The status as one line of JSON */
void tunnel_print(const struct tunnel *t, const char *inner, FILE *out)
{
	size_t valid = 0;

	for (int i = 0; i < TUNNEL_SESSIONS; i++)
		valid += t->sessions[i].valid;
	fprintf(out,
		"{\"state\":\"%s\",\"inner\":\"%s\",\"sessions\":%zu,\"made\":%" PRIu64
		",\"replays\":%" PRIu64 ",\"damaged\":%" PRIu64 "}\n",
		t->up ? "up" : "down", inner, valid, t->made, t->replays, t->damaged);
}
