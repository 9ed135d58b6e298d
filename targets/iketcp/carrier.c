// SPDX-License-Identifier: Apache-2.0
/*
 * The first IKE message of the client's stack opens the connection.  When it is
 * lost (a reset, a timeout) the client opens another at once, and if that does not last
 * after 1 s, 2 s ... 32 s, as long as it was not told `down`: the IKE SA lives on
 * (RFC 9329).  When the head-end closed it in order, as it does behind the last SA, the
 * next packet of the stack opens another.  The first message in it is always IKE, by which
 * a head-end knows whose it is: our stack's last one again, which to IKE is a retransmission.
 *
 * At the head-end the connection of a peer is the one that spoke last for the first
 * time; the one before is closed.  Two clients behind one address are one.
 *
 * What cannot be sent at once waits in the connection; ESP is dropped where a
 * queue in a router would be full, IKE later.
 */
#include "carrier.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "socket.h"

#define PREFIX_NS	(10 * NS_PER_S) /* for who connects to say what it is */
#define BACKOFF_MIN_NS	NS_PER_S
#define BACKOFF_MAX_NS	(32 * NS_PER_S)
#define ESP_WAITING_MAX (CARRIER_OUT_MAX / 2)

/* --- peers ------------------------------------------------------------------ */

static struct peer *find_peer(struct carrier *c, const struct address *address)
{
	for (size_t i = 0; i < c->peers_len; i++)
		if (address_equal(&c->peers[i].address, address))
			return &c->peers[i];
	return NULL;
}

static struct peer *add_peer(struct carrier *c, const struct address *address)
{
	struct peer *p;

	if (c->peers_len == CARRIER_PEERS_MAX)
		return NULL;
	p = &c->peers[c->peers_len++];
	*p = (struct peer){ .address = *address, .retry_ns = UINT64_MAX };
	c->world->claim(c->world->ctx, address);
	return p;
}

/* --- connections ------------------------------------------------------------- */

static struct conn *add_conn(struct carrier *c, int fd, const struct address *peer)
{
	for (size_t i = 0; i < CARRIER_CONNS_MAX; i++) {
		struct conn *k;

		if (c->conns[i])
			continue;
		k = c->conns[i] = calloc(1, sizeof(*k));
		if (!k)
			return NULL;
		k->fd = fd;
		k->peer = *peer;
		k->deadline_ns = UINT64_MAX;
		stream_reader_init(&k->in, !c->client, c->profile->fault);
		return k;
	}
	return NULL;
}

static void end_conn(struct carrier *c, struct conn *k)
{
	struct peer *p = find_peer(c, &k->peer);

	if (p && p->conn == k)
		p->conn = NULL;
	for (size_t i = 0; i < CARRIER_CONNS_MAX; i++)
		if (c->conns[i] == k)
			c->conns[i] = NULL;
	close(k->fd);
	free(k);
	c->counts[COUNT_CLOSED]++;
}

static bool may_open(const struct carrier *c)
{
	return c->profile->fault != FAULT_NO_RECONNECT || !c->counts[COUNT_OPENED];
}

/* It broke, or the other end closed it in order */
static void lose_conn(struct carrier *c, struct conn *k, bool in_order, uint64_t now_ns)
{
	struct peer *p = find_peer(c, &k->peer);
	bool reopen = p && p->conn == k && p->wanted && may_open(c);

	if (reopen && k->heard && now_ns - p->opened_ns >= BACKOFF_MIN_NS)
		p->backoff_ns = 0; /* it was a good one: no reason to wait */
	end_conn(c, k);
	if (!reopen)
		return;
	p->not_before_ns = now_ns + p->backoff_ns;
	p->retry_ns = in_order ? UINT64_MAX : p->not_before_ns;
	p->backoff_ns = p->backoff_ns ? p->backoff_ns * 2 : BACKOFF_MIN_NS;
	if (p->backoff_ns > BACKOFF_MAX_NS)
		p->backoff_ns = BACKOFF_MAX_NS;
}

static bool enqueue(struct conn *k, const struct datagram *d)
{
	size_t waiting = k->out_end - k->out_begin, n;

	if (d->what == STREAM_ESP && waiting + d->len > ESP_WAITING_MAX)
		return false;
	memmove(k->out, k->out + k->out_begin, waiting);
	k->out_begin = 0;
	k->out_end = waiting;
	n = stream_encode(d->what, d->bytes, d->len, k->out + waiting, sizeof(k->out) - waiting);
	k->out_end += n;
	return n > 0;
}

/* @replay: nothing of IKE is to be sent now */
static void open_conn(struct carrier *c, struct peer *p, bool replay, uint64_t now_ns)
{
	int fd = socket_connect(&c->local, &p->address, c->profile->port,
				c->profile->user_timeout_ns);
	struct conn *k = fd < 0 ? NULL : add_conn(c, fd, &p->address);

	p->retry_ns = UINT64_MAX;
	p->opened_ns = now_ns;
	if (!k) {
		c->counts[COUNT_REFUSED]++;
		if (fd >= 0)
			close(fd);
		return; /* the next packet of the stack tries again */
	}
	k->connecting = true;
	if (c->profile->fault != FAULT_PREFIX_ONCE || !c->counts[COUNT_OPENED]) {
		memcpy(k->out, STREAM_PREFIX, STREAM_PREFIX_LEN);
		k->out_end = STREAM_PREFIX_LEN;
	}
	p->conn = k;
	if (replay && p->ike_len)
		enqueue(k, &(struct datagram){
				   .what = STREAM_IKE, .bytes = p->ike, .len = p->ike_len });
}

/* Return: false if the connection is gone */
static bool flush(struct carrier *c, struct conn *k, uint64_t now_ns)
{
	while (!k->connecting && k->out_begin < k->out_end) {
		ssize_t n = send(k->fd, k->out + k->out_begin, k->out_end - k->out_begin,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0) {
			lose_conn(c, k, false, now_ns);
			return false;
		}
		k->out_begin += (size_t)n;
	}
	return true;
}

/* --- from the stack into the stream -------------------------------------------- */

/* Remember how our stack speaks to a peer */
static void note(struct peer *p, const struct datagram *d)
{
	if (d->what == STREAM_ESP) {
		p->form = d->udp ? ESP_FORM_UDP : ESP_FORM_IP;
		return;
	}
	p->ike_local = d->sport;
	p->ike_remote = d->dport;
	p->ike_len = d->len <= sizeof(p->ike) ? d->len : 0;
	memcpy(p->ike, d->bytes, p->ike_len);
}

/**
 * carrier_from_stack() - Carry a packet of the local stack
 * @c:		The carrier
 * @packet:	From its IP header on
 * @len:	Length in bytes
 * @now_ns:	The time
 */
void carrier_from_stack(struct carrier *c, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	struct datagram d;
	enum count why = datagram_parse(packet, len, &d);
	struct peer *p = why ? NULL : find_peer(c, &d.dst);

	if (why || !p) {
		c->counts[why ? why : COUNT_NO_CONNECTION]++;
		return;
	}
	note(p, &d);
	p->wanted |= c->client && d.what == STREAM_IKE;
	if (!p->conn && p->wanted && p->retry_ns == UINT64_MAX && p->not_before_ns <= now_ns &&
	    may_open(c))
		open_conn(c, p, d.what != STREAM_IKE, now_ns);
	if (!p->conn) {
		c->counts[COUNT_NO_CONNECTION]++;
	} else if (!enqueue(p->conn, &d)) {
		c->counts[COUNT_QUEUE_FULL]++;
	} else {
		c->counts[d.what == STREAM_IKE ? COUNT_IKE_OUT : COUNT_ESP_OUT]++;
		flush(c, p->conn, now_ns);
	}
}

/* --- from the stream to the stack ---------------------------------------------- */

/* As the stack itself sends; before it has sent any, as the option says */
static void choose_form(const struct carrier *c, const struct peer *p, struct datagram *d)
{
	uint16_t port = c->profile->inner_esp ? PORT_IKE : PORT_NATT;

	d->udp = d->what == STREAM_IKE ||
		 (p->form ? p->form == ESP_FORM_UDP : !c->profile->inner_esp);
	if (d->what == STREAM_ESP) {
		d->sport = d->dport = PORT_NATT;
		return;
	}
	d->sport = p->ike_remote ? p->ike_remote : port;
	d->dport = p->ike_local ? p->ike_local : port;
}

static void deliver(struct carrier *c, const struct peer *p, const struct stream_message *m)
{
	uint8_t packet[DATAGRAM_MAX];
	struct datagram d = { .what = m->what,
			      .bytes = m->bytes,
			      .len = m->len,
			      .src = p->address,
			      .dst = c->local };
	size_t len;

	choose_form(c, p, &d);
	len = datagram_build(&d, packet, sizeof(packet));
	if (len && c->world->stack(c->world->ctx, packet, len))
		c->counts[m->what == STREAM_IKE ? COUNT_IKE_IN : COUNT_ESP_IN]++;
	else
		c->counts[COUNT_STACK_ERROR]++;
}

/* The first message makes a connection the peer's.  Return: the peer, or NULL if there are too many
 */
static struct peer *adopt(struct carrier *c, struct conn *k)
{
	struct peer *p = find_peer(c, &k->peer);

	if (!p)
		p = add_peer(c, &k->peer);
	if (p && p->conn != k) {
		if (p->conn) {
			c->counts[COUNT_REPLACED]++;
			end_conn(c, p->conn);
		}
		p->conn = k;
	}
	k->heard = true;
	k->deadline_ns = UINT64_MAX;
	return p;
}

/* Return: false if the connection is to be ended */
static bool take_messages(struct carrier *c, struct conn *k)
{
	for (;;) {
		struct stream_message m = stream_reader_take(&k->in);
		const struct peer *p = NULL;

		switch (m.what) {
		case STREAM_NOTHING:
			return true;
		case STREAM_IKE:
		case STREAM_ESP:
			p = adopt(c, k);
			if (!p)
				c->counts[COUNT_TABLE_FULL]++;
			else
				deliver(c, p, &m);
			break;
		case STREAM_KEEPALIVE:
			c->counts[COUNT_KEEPALIVE]++;
			break;
		case STREAM_RUNT:
			c->counts[COUNT_RUNT]++;
			break;
		case STREAM_BAD_PREFIX:
			c->counts[COUNT_BAD_PREFIX]++;
			return false;
		case STREAM_BAD_LENGTH:
			c->counts[COUNT_BAD_LENGTH]++;
			return false;
		}
	}
}

static void receive(struct carrier *c, struct conn *k, uint64_t now_ns)
{
	size_t size;
	uint8_t *room = stream_reader_room(&k->in, &size);
	ssize_t n = recv(k->fd, room, size, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		stream_reader_filled(&k->in, (size_t)n);
		if (take_messages(c, k))
			return;
	}
	lose_conn(c, k, n == 0, now_ns);
}

static void connected(struct carrier *c, struct conn *k, uint64_t now_ns)
{
	int why = 0;
	socklen_t len = sizeof(why);

	if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &why, &len) || why) {
		c->counts[COUNT_REFUSED]++;
		lose_conn(c, k, false, now_ns);
		return;
	}
	k->connecting = false;
	c->counts[COUNT_OPENED]++;
	flush(c, k, now_ns);
}

static void accept_one(struct carrier *c, uint64_t now_ns)
{
	struct address peer;
	int fd = socket_accept(c->listener, &peer, c->profile->user_timeout_ns);
	struct conn *k = fd < 0 ? NULL : add_conn(c, fd, &peer);

	if (k) {
		k->deadline_ns = now_ns + PREFIX_NS;
		c->counts[COUNT_OPENED]++;
	} else if (fd >= 0) {
		c->counts[COUNT_TABLE_FULL]++;
		close(fd);
	}
}

/* --- the loop's side ------------------------------------------------------------- */

/**
 * carrier_polls() - What to wait for
 * @c:		The carrier
 * @polls:	Filled in
 *
 * Return: how many
 */
size_t carrier_polls(const struct carrier *c, struct pollfd polls[CARRIER_CONNS_MAX + 1])
{
	size_t n = 0;

	if (c->listener >= 0)
		polls[n++] = (struct pollfd){ .fd = c->listener, .events = POLLIN };
	for (size_t i = 0; i < CARRIER_CONNS_MAX; i++) {
		const struct conn *k = c->conns[i];

		if (!k)
			continue;
		polls[n] = (struct pollfd){ .fd = k->fd, .events = POLLIN };
		if (k->connecting)
			polls[n].events = POLLOUT;
		else if (k->out_begin < k->out_end)
			polls[n].events |= POLLOUT;
		n++;
	}
	return n;
}

static struct conn *conn_of(const struct carrier *c, int fd)
{
	for (size_t i = 0; i < CARRIER_CONNS_MAX; i++)
		if (c->conns[i] && c->conns[i]->fd == fd)
			return c->conns[i];
	return NULL;
}

/**
 * carrier_polled() - Do what can be done now
 * @c:		The carrier
 * @polls:	Of carrier_polls(), after the wait
 * @len:	How many
 * @now_ns:	The time
 */
void carrier_polled(struct carrier *c, const struct pollfd *polls, size_t len, uint64_t now_ns)
{
	for (size_t i = 0; i < len; i++) {
		struct conn *k = conn_of(c, polls[i].fd);

		if (!polls[i].revents)
			continue;
		if (polls[i].fd == c->listener)
			accept_one(c, now_ns);
		else if (k && k->connecting)
			connected(c, k, now_ns);
		else if (k && flush(c, k, now_ns) && polls[i].revents & ~POLLOUT)
			receive(c, k, now_ns);
	}
}

/** carrier_deadline() - When carrier_expire() is to be called; UINT64_MAX: never */
uint64_t carrier_deadline(const struct carrier *c)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < CARRIER_CONNS_MAX; i++)
		if (c->conns[i] && c->conns[i]->deadline_ns < first)
			first = c->conns[i]->deadline_ns;
	for (size_t i = 0; i < c->peers_len; i++)
		if (c->peers[i].retry_ns < first)
			first = c->peers[i].retry_ns;
	return first;
}

/** carrier_expire() - Do what is due */
void carrier_expire(struct carrier *c, uint64_t now_ns)
{
	for (size_t i = 0; i < CARRIER_CONNS_MAX; i++)
		if (c->conns[i] && c->conns[i]->deadline_ns <= now_ns) {
			c->counts[COUNT_NO_PREFIX]++;
			end_conn(c, c->conns[i]);
		}
	for (size_t i = 0; i < c->peers_len; i++)
		if (c->peers[i].retry_ns <= now_ns)
			open_conn(c, &c->peers[i], true, now_ns);
}

/** carrier_down() - Close all connections in order; the next IKE message opens one again */
void carrier_down(struct carrier *c)
{
	for (size_t i = 0; i < c->peers_len; i++) {
		c->peers[i].wanted = false;
		c->peers[i].retry_ns = UINT64_MAX;
	}
	for (size_t i = 0; i < CARRIER_CONNS_MAX; i++)
		if (c->conns[i])
			end_conn(c, c->conns[i]);
}

/**
 * carrier_open() - Begin; a head-end listens from now on
 * @c:		Filled in; give it to carrier_release() whatever is returned
 * @profile:	Borrowed
 * @client:	Does it open connections, or take them?
 * @local:	Our address
 * @remote:	The head-end's; used by a client only
 * @world:	Borrowed
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int carrier_open(struct carrier *c, const struct profile *profile, bool client,
		 const struct address *local, const struct address *remote,
		 const struct world *world, struct err *err)
{
	*c = (struct carrier){ .profile = profile,
			       .world = world,
			       .client = client,
			       .local = *local,
			       .listener = -1 };
	if (!client)
		return socket_listen(local, profile->port, &c->listener, err);
	add_peer(c, remote);
	return 0;
}

/** carrier_print() - The status as one line of JSON */
void carrier_print(const struct carrier *c, FILE *out)
{
	size_t open = 0;

	for (size_t i = 0; i < CARRIER_CONNS_MAX; i++)
		open += c->conns[i] && !c->conns[i]->connecting;
	fprintf(out, "{\"state\":\"%s\",\"connections\":%zu,", open ? "up" : "down", open);
	counts_print(c->counts, out);
	fputs("}\n", out);
}

/** carrier_release() - Release it */
void carrier_release(struct carrier *c)
{
	carrier_down(c);
	if (c->listener >= 0)
		close(c->listener);
	c->listener = -1;
}
