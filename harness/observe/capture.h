/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures of many link ends, by one process.
 *
 *   capture_open()     before anything is sent: from then on nothing is missed
 *   capture_run()      in a process of its own, until it is told to stop
 *   capture_release()  in both
 */
#ifndef DUPACK_OBSERVE_CAPTURE_H
#define DUPACK_OBSERVE_CAPTURE_H

#include <stddef.h>

struct err;
struct capture_source;

/** What to capture, and where to. */
struct capture_end {
	int netns_fd; /* borrowed */
	const char *interface; /* in that namespace */
	const char *name; /* "client-access": the file is <folder>/<name>.pcapng */
};

struct capture {
	struct capture_source *sources; /* owned */
	size_t len;
};

int capture_open(struct capture *set, const struct capture_end *ends, size_t len,
		 const char *folder, struct err *err);
int capture_run(struct capture *set, int stop_fd, int report_fd, struct err *err);
void capture_release(struct capture *set);

#endif
