/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleanup attributes: what has a scope is released when the scope ends, so
 * error paths are plain returns.  Ownership leaves a scope by a steal.
 */
#ifndef DUPACK_BASE_CLEANUP_H
#define DUPACK_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define AUTO_CLOSE    __attribute__((cleanup(cleanup_close)))
#define AUTO_FREE     __attribute__((cleanup(cleanup_free)))
#define AUTO_FCLOSE   __attribute__((cleanup(cleanup_fclose)))
#define AUTO_CLOSEDIR __attribute__((cleanup(cleanup_closedir)))

/** steal_fd() - Take a descriptor out of its scope; the caller owns it then */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/** steal_ptr() - Take a pointer out of its scope, keeping its type */
#define steal_ptr(p)                                                                               \
	({                                                                                         \
		__typeof__(*(p)) taken_ = *(p);                                                    \
		*(p) = NULL;                                                                       \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
