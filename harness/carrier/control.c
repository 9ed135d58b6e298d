// SPDX-License-Identifier: Apache-2.0
#include "carrier/control.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define ANSWER_MAX 65536

/* An abstract address, which begins with a zero byte.  Return: its length */
static socklen_t address_of(const char *name, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "dupack-%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static int unix_socket(int flags)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
}

/**
 * control_listen() - Take questions
 * @name:	Of the carrier; short
 * @ret_fd:	Readable when somebody asks
 * @err:	Set on failure: mostly that another carrier runs in this namespace
 *
 * Return: 0 or -1
 */
int control_listen(const char *name, int *ret_fd, struct err *err)
{
	struct sockaddr_un address;
	socklen_t address_len = address_of(name, &address);
	AUTO_CLOSE int fd = unix_socket(SOCK_NONBLOCK);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, address_len) || listen(fd, 8))
		return err_set(err, errno, "cannot listen for questions (a carrier runs here?)");
	*ret_fd = steal_fd(&fd);
	return 0;
}

/**
 * control_accept() - Take one question
 * @listener:	Of control_listen()
 * @ret_word:	The question; empty if it has not come yet: who asks sends at once
 * @size:	Size of @ret_word in bytes
 *
 * Return: a descriptor to write the answer to and close, or -1
 */
int control_accept(int listener, char *ret_word, size_t size)
{
	AUTO_CLOSE int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t len = -1;

	if (fd >= 0 && poll(&ready, 1, 100) == 1)
		len = recv(fd, ret_word, size - 1, 0);
	if (len < 0)
		return -1;
	ret_word[len] = '\0';
	return steal_fd(&fd);
}

/**
 * control_ask() - Ask the carrier of this namespace
 * @name:	Of the carrier
 * @word:	The question
 * @timeout_ms:	How long to wait for the answer
 * @ret_answer:	The answer, to be freed by the caller
 * @err:	Set if none runs or none answers
 *
 * Return: 0 or -1
 */
int control_ask(const char *name, const char *word, int timeout_ms, char **ret_answer,
		struct err *err)
{
	struct sockaddr_un address;
	socklen_t address_len = address_of(name, &address);
	AUTO_CLOSE int fd = unix_socket(0);
	AUTO_FREE char *answer = malloc(ANSWER_MAX);
	struct pollfd ready = { .events = POLLIN };
	ssize_t len = -1;

	if (fd < 0 || !answer)
		return err_set(err, errno, "cannot ask the carrier");
	if (connect(fd, (const struct sockaddr *)&address, address_len))
		return err_set(err, errno, "no carrier runs here");
	if (send(fd, word, strlen(word), MSG_NOSIGNAL) < 0)
		return err_set(err, errno, "cannot ask the carrier");
	ready.fd = fd;
	if (poll(&ready, 1, timeout_ms) == 1)
		len = recv(fd, answer, ANSWER_MAX - 1, 0);
	if (len <= 0)
		return err_set(err, 0, "the carrier did not answer within %d ms", timeout_ms);
	answer[len] = '\0';
	*ret_answer = steal_ptr(&answer);
	return 0;
}
