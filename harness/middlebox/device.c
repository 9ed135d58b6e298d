// SPDX-License-Identifier: Apache-2.0
/*
 * The loop: packets from one TUN through the engine to the other, timers in
 * between, until it is told to stop.  Every wait has the engine's deadline, so
 * that in virtual time nothing spins and nothing is late.
 */
#include "middlebox/device.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/units.h"
#include "middlebox/engine.h"
#include "middlebox/middlebox.h"
#include "middlebox/segment.h"
#include "spec/name.h"

#define PACKET_BYTES 65536
#define BATCH	     64 /* packets from one side before the other has its turn */

struct device {
	struct engine *engine;
	int tun[DIR_COUNT]; /* what travels in this direction is read from this one */
	uint64_t counters[COUNTER_COUNT]; /* of the loop */
	uint8_t packet[PACKET_BYTES];
};

static void cleanup_engine(struct engine **e)
{
	engine_free(*e);
}

/* What travels up came from fw-out and leaves by fw-in */
static void emit(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	struct device *d = ctx;
	int fd = d->tun[dir == DIR_UP ? DIR_DOWN : DIR_UP];
	ssize_t n;

	do {
		n = write(fd, ip, len);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)len)
		d->counters[COUNTER_TUN_WRITE_ERROR]++;
}

/*
 * What the kernel routed here, and not what it says to the TUN's own link:
 * multicast (IPv6 listeners, routers) is never forwarded by these rules.
 */
static bool routed(const uint8_t *ip, size_t len)
{
	if (len >= 20 && ip[0] >> 4 == 4)
		return ip[16] < 224;
	return len >= 40 && ip[0] >> 4 == 6 && ip[24] != 0xff;
}

static int carry(struct device *d, enum direction dir, struct err *err)
{
	const struct engine_out out = { .emit = emit, .ctx = d };
	uint64_t now = clock_ns(); /* one for all: in a guest each reading is a system call */

	for (int i = 0; i < BATCH; i++) {
		ssize_t n = read(d->tun[dir], d->packet, sizeof(d->packet));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return err_set(err, n < 0 ? errno : 0,
				       "cannot read packets that travel %s from the TUN",
				       direction_names[dir]);
		if (!routed(d->packet, (size_t)n)) {
			d->counters[COUNTER_TUN_NOT_IP]++;
			continue;
		}
		segment_restore_ttl(d->packet, (size_t)n);
		engine_packet(d->engine, now, dir, d->packet, (size_t)n, &out);
	}
	return 0;
}

static int wait_events(const struct device *d, struct pollfd *fds, nfds_t len, struct err *err)
{
	uint64_t deadline = engine_deadline(d->engine), now = clock_ns();
	uint64_t left = deadline > now ? deadline - now : 0;
	const struct timespec ts = { .tv_sec = (time_t)(left / NS_PER_S),
				     .tv_nsec = (long)(left % NS_PER_S) };

	if (ppoll(fds, len, deadline == UINT64_MAX ? NULL : &ts, NULL) < 0 && errno != EINTR)
		return err_set(err, errno, "cannot wait for packets");
	return 0;
}

static int loop(struct device *d, int stop_fd, struct err *err)
{
	const struct engine_out out = { .emit = emit, .ctx = d };
	struct pollfd fds[] = {
		{ .fd = d->tun[DIR_UP], .events = POLLIN },
		{ .fd = d->tun[DIR_DOWN], .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};

	for (;;) {
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
			fds[i].revents = 0;
		if (wait_events(d, fds, ARRAY_SIZE(fds), err))
			return -1;
		engine_timer(d->engine, clock_ns(), &out);
		for (enum direction dir = DIR_UP; dir < DIR_COUNT; dir++)
			if (fds[dir].revents && carry(d, dir, err))
				return -1;
		if (fds[2].revents)
			return 0;
	}
}

static int write_counters(const struct device *d, int fd, struct err *err)
{
	const uint64_t *engine = engine_counters(d->engine);
	json_t *object = json_object();
	int rc;

	for (size_t i = 0; i < COUNTER_COUNT; i++)
		json_object_set_new(
			object, counter_kinds[i].name,
			json_integer((json_int_t)engine[i] + (json_int_t)d->counters[i]));
	rc = middlebox_write_counters(object, fd, err);
	json_decref(object);
	return rc;
}

/**
 * device_run() - Be the stateful device until told to stop
 * @device:	Which one, with its options; not a router, which needs no loop
 * @seed:	Of the run
 * @tun_outside: TUN that what travels up is read from; non-blocking; stays the caller's
 * @tun_inside:	TUN that what travels down is read from; likewise
 * @stop_fd:	When it is readable or at its end, the device stops
 * @counters_fd: Gets the counters as one JSON object; stays the caller's
 * @err:	Set on failure
 *
 * The counters are written on failure too, as far as that is possible.
 *
 * Return: 0 or -1
 */
int device_run(const struct choice *device, uint64_t seed, int tun_outside, int tun_inside,
	       int stop_fd, int counters_fd, struct err *err)
{
	__attribute__((cleanup(cleanup_engine))) struct engine *engine = NULL;
	AUTO_FREE struct device *d = NULL;
	struct device_config config;
	struct err ignored = { 0 };
	int failed;

	if (device_config_from_choice(device, &config, err))
		return -1;
	if (config.mode == DEVICE_ROUTER)
		return err_set_kind(err, ERR_HARNESS, "a '%s' has no engine to run", device->name);
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_set(err, ENOMEM, "cannot start the middlebox '%s'", device->text);
	engine = engine_new(&config, seed);
	d->engine = engine;
	d->tun[DIR_UP] = tun_outside;
	d->tun[DIR_DOWN] = tun_inside;
	failed = loop(d, stop_fd, err);
	if (write_counters(d, counters_fd, failed ? &ignored : err))
		failed = -1;
	return failed;
}

/* --- as one of the kinds of devices ------------------------------------------- */

struct tuns {
	int outside, inside; /* owned */
};

static void close_engine(struct middlebox *m)
{
	struct tuns *t = m->state;

	if (!t)
		return;
	cleanup_close(&t->outside);
	cleanup_close(&t->inside);
	free(t);
	m->state = NULL;
}

static int open_engine(struct middlebox *m, struct err *err)
{
	struct tuns *t = malloc(sizeof(*t));

	if (!t)
		return err_set(err, ENOMEM, "cannot start the middlebox '%s'", m->choice->text);
	*t = (struct tuns){ -1, -1 };
	m->state = t;
	return device_setup_routes(&t->outside, &t->inside, err);
}

static int run_engine(struct middlebox *m, const struct middlebox_fds *fds, struct err *err)
{
	const struct tuns *t = m->state;

	return device_run(m->choice, m->seed, t->outside, t->inside, fds->stop, fds->counters, err);
}

const struct device_ops device_ops_engine = {
	.open = open_engine,
	.run = run_engine,
	.close = close_engine,
	.counters = counter_kinds,
	.counters_len = COUNTER_COUNT,
};
