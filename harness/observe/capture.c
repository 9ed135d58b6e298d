// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation.  A packet socket for each end, opened inside its namespace,
 * receives what the interface sends and what it gets, stamped by the kernel, in the
 * kernel's order; frames of one file are therefore in order, whoever is read first.
 * On stop each socket gets a filter that takes nothing more, so that emptying it ends
 * however busy the link is.  What the kernel had no room for is counted and reported.
 *
 * It does not see what is lost on the way to it within the kernel, and it writes
 * frames as they are: with offloads on they may be larger than the MTU ("oversize").
 */
#include "observe/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "net/netns.h"
#include "observe/pcapng.h"

#define RECEIVE_BUFFER (32 << 20) /* bytes: some 14,000 full frames; memory for those that wait */
#define BATCH	       32 /* frames read at once */
#define FRAME_MAX      (65535 + 64) /* a GSO packet and its headers */

struct capture_source {
	int fd;
	size_t largest; /* that the interface may send: MTU and Ethernet header */
	uint64_t oversize;
	char *file; /* its name without the folder; owned */
	struct pcapng out;
};

struct opening {
	const struct capture_end *end;
	struct capture_source *source;
};

static int open_socket(void *ctx, struct err *err)
{
	const struct opening *o = ctx;
	const char *interface = o->end->interface;
	int on = 1, room = RECEIVE_BUFFER;
	struct ifreq req = { 0 };
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	AUTO_CLOSE int fd = -1;

	/* Protocol 0: nothing is received until it is bound to its interface */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "cannot open a packet socket");
	strncpy(req.ifr_name, interface, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFMTU, &req))
		return err_set(err, errno, "no interface '%s'", interface);
	o->source->largest = (size_t)req.ifr_mtu + ETH_HLEN;
	if (ioctl(fd, SIOCGIFINDEX, &req))
		return err_set(err, errno, "no interface '%s'", interface);
	at.sll_ifindex = req.ifr_ifindex;
	/* Beyond the machine's limit if we may; in a user namespace up to it */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)))
		return err_set(err, errno, "cannot size the buffer of a packet socket");
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)))
		return err_set(err, errno, "cannot have frames stamped");
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return err_set(err, errno, "cannot capture on '%s'", interface);
	o->source->fd = steal_fd(&fd);
	return 0;
}

static int open_source(struct capture_source *s, const struct capture_end *end, const char *folder,
		       struct err *err)
{
	AUTO_FREE char *path = NULL;
	struct opening o = { .end = end, .source = s };

	s->file = io_printf("%s.pcapng", end->name);
	path = io_printf("%s/%s", folder, s->file);
	if (netns_run(end->netns_fd, open_socket, &o, err))
		return -1;
	return pcapng_open(&s->out, path, end->name, err);
}

/**
 * capture_open() - Begin to capture: the kernel keeps the frames from now on
 * @set:	Filled in; release it with capture_release() whatever is returned
 * @ends:	What to capture
 * @len:	How many
 * @folder:	Where the files go; it exists
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int capture_open(struct capture *set, const struct capture_end *ends, size_t len,
		 const char *folder, struct err *err)
{
	*set = (struct capture){ .sources = calloc(len, sizeof(*set->sources)), .len = len };
	if (!set->sources)
		return err_set(err, ENOMEM, "cannot capture");
	for (size_t i = 0; i < len; i++)
		set->sources[i].fd = -1;
	for (size_t i = 0; i < len; i++)
		if (open_source(&set->sources[i], &ends[i], folder, err))
			return err_wrap(err, "capture '%s'", ends[i].name);
	return 0;
}

/* Room for one reading of a socket; 2 MB, of which only used pages exist */
struct batch {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_ll from[BATCH];
	_Alignas(struct cmsghdr) char control[BATCH][CMSG_SPACE(sizeof(struct timespec))];
	uint8_t frames[BATCH][FRAME_MAX];
};

static uint64_t stamp_of(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct timespec ts;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
	}
	return clock_stamp_ns();
}

/* Read what one call gives and write it down: how many frames, 0 if there is nothing, or -1 */
static int read_batch(struct capture_source *s, struct batch *b, struct err *err)
{
	int n;

	for (int i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->frames[i], FRAME_MAX };
		b->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = sizeof(b->control[i]),
		};
	}
	do /* that an interface went away is said once, before the frames that it left */
		n = recvmmsg(s->fd, b->msgs, BATCH, MSG_TRUNC | MSG_DONTWAIT, NULL);
	while (n < 0 && errno == ENETDOWN);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		return err_set(err, errno, "capture '%s'", s->file);
	for (int i = 0; i < n; i++) {
		size_t len = b->msgs[i].msg_len; /* MSG_TRUNC: the true one */
		bool outgoing = b->from[i].sll_pkttype == PACKET_OUTGOING;

		s->oversize += len > s->largest;
		pcapng_write(&s->out, stamp_of(&b->msgs[i].msg_hdr),
			     outgoing ? PCAPNG_OUTBOUND : PCAPNG_INBOUND, b->frames[i],
			     len < FRAME_MAX ? len : FRAME_MAX, len);
	}
	return n;
}

static int finish_source(struct capture_source *s, struct batch *b, json_t *report, struct err *err)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { .len = 1, .filter = &nothing };
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);
	int n;

	if (setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		return err_set(err, errno, "cannot stop capture '%s'", s->file);
	do
		n = read_batch(s, b, err);
	while (n > 0);
	if (n < 0)
		return -1;
	if (getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		return err_set(err, errno, "cannot count what capture '%s' lost", s->file);
	if (pcapng_close(&s->out, err))
		return err_wrap(err, "capture '%s'", s->file);
	json_array_append_new(report, json_pack("{s:s, s:I, s:I, s:I, s:I}", "file", s->file,
						"frames", (json_int_t)s->out.frames, "bytes",
						(json_int_t)s->out.bytes, "lost",
						(json_int_t)stats.tp_drops, "oversize",
						(json_int_t)s->oversize));
	return 0;
}

static int finish(struct capture *set, struct batch *b, int report_fd, struct err *err)
{
	json_t *report = json_array();
	AUTO_FREE char *text = NULL;
	int rc = 0;

	for (size_t i = 0; i < set->len && !rc; i++)
		rc = finish_source(&set->sources[i], b, report, err);
	if (!rc)
		text = json_dumps(report, JSON_COMPACT);
	json_decref(report);
	if (rc)
		return -1;
	if (!text)
		return err_set(err, ENOMEM, "cannot report on the captures");
	return io_write_all(report_fd, text, strlen(text), err);
}

/**
 * capture_run() - Write captures until told to stop
 * @set:	From capture_open()
 * @stop_fd:	Readable or closed at the other side: stop.  Nothing is read from it
 * @report_fd:	Gets a JSON array of {"file", "frames", "bytes", "lost", "oversize"}
 *		once all files are complete; lost: the kernel had no room for them,
 *		oversize: larger than the MTU allows
 * @err:	Set on failure, a full disk included
 *
 * Return: 0 or -1
 */
int capture_run(struct capture *set, int stop_fd, int report_fd, struct err *err)
{
	AUTO_FREE struct pollfd *polls = calloc(set->len + 1, sizeof(*polls));
	AUTO_FREE struct batch *b = malloc(sizeof(*b));

	if (!polls || !b)
		return err_set(err, ENOMEM, "cannot capture");
	/*
	 * Before all others, if we may: where time stands still while anything runs, two
	 * ends that wake each other up would never let us have a turn
	 */
	setpriority(PRIO_PROCESS, 0, PRIO_MIN);
	for (size_t i = 0; i < set->len; i++)
		polls[i] = (struct pollfd){ .fd = set->sources[i].fd, .events = POLLIN };
	polls[set->len] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
	while (!polls[set->len].revents) {
		if (ppoll(polls, set->len + 1, NULL, NULL) < 0 && errno != EINTR)
			return err_set(err, errno, "cannot wait for frames");
		for (size_t i = 0; i < set->len; i++)
			if (polls[i].revents && read_batch(&set->sources[i], b, err) < 0)
				return -1;
	}
	return finish(set, b, report_fd, err);
}

/** capture_release() - Release a set of captures; files that are still open are cut short */
void capture_release(struct capture *set)
{
	struct err ignored = { 0 };

	for (size_t i = 0; set->sources && i < set->len; i++) {
		cleanup_close(&set->sources[i].fd);
		pcapng_close(&set->sources[i].out, &ignored);
		free(set->sources[i].file);
	}
	free(set->sources);
	*set = (struct capture){ 0 };
}
