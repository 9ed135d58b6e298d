// SPDX-License-Identifier: Apache-2.0
#include "carrier/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

/* What a machine or a container may lack, against what should not happen */
static int refuse(struct err *err, int errnum, const char *what)
{
	if (errnum == EPERM || errnum == EACCES || errnum == ENOENT || errnum == ENODEV ||
	    errnum == ENXIO)
		return err_set_kind(err, ERR_SKIP, "%s: %s", what, strerror(errnum));
	return err_set(err, errnum, "%s", what);
}

/* Absent or read-only: the default stays, and costs no more than stray packets in the TUN */
static void set_sysctl(const char *family, const char *name, const char *key, const char *value)
{
	AUTO_FREE char *path = io_printf("/proc/sys/net/%s/conf/%s/%s", family, name, key);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, value, strlen(value)) < 0)
		fprintf(stderr, "cannot write '%s': %s\n", path, strerror(errno));
}

/**
 * tun_open() - Make a TUN, down, silent and without source validation
 * @name:	Its name, short
 * @ret_fd:	Non-blocking; closing it removes the TUN
 * @ret_ifindex: Its interface index
 * @err:	ERR_SKIP if the machine or the privilege is missing
 *
 * Return: 0 or -1
 */
int tun_open(const char *name, int *ret_fd, int *ret_ifindex, struct err *err)
{
	AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *what = io_printf("cannot create the TUN '%s'", name);
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int ifindex;

	if (fd < 0)
		return refuse(err, errno, "cannot open '/dev/net/tun'");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr)) {
		if (errno == EBUSY)
			return err_set(err, 0, "'%s' is taken: a carrier runs here", name);
		return refuse(err, errno, what);
	}
	ifindex = (int)if_nametoindex(name);
	if (!ifindex)
		return err_set(err, errno, "cannot find the TUN '%s'", name);
	/* No address of its own, but IPv6: it may come out of ESP here */
	set_sysctl("ipv6", name, "addr_gen_mode", "1");
	set_sysctl("ipv4", name, "rp_filter", "0");
	*ret_ifindex = ifindex;
	*ret_fd = steal_fd(&fd);
	return 0;
}
