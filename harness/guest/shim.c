// SPDX-License-Identifier: Apache-2.0
/*
 * What stands between User-Mode Linux and the C library of the host.
 *
 * The kernel of the guest is Debian's own source, not patched.  Five things
 * that it asks of the host would make a run depend on the host, or would leave
 * something behind; this preload library answers them instead.
 *
 * Entropy: the kernel seeds itself from getrandom().  With SHIM_SEED in
 *	the environment, the bytes are a function of that seed, so ports, sequence numbers,
 *	keys, SPIs and netem's losses all follow from it.
 * RDTSC: programs that read the counter (Go's runtime does) would see the
 *	host's.  The address space of a guest process gets PR_TSC_SIGSEGV, and
 *	the trap is answered here with a counter of ours.
 * XSTATE: before Linux 6.13 UML's buffer for the floating point state is too
 *	small for hosts with AMX and ptrace refuses it; it is padded to the size
 *	that CPUID gives.
 *	What UML writes back before each resumption of a guest process is mostly what it has
 *	just read of it: then nothing is written, which spares the host an allocation.
 * Files: the memory of the guest is a file in /dev/shm or /tmp, which may be
 *	small or noexec, and its process number one in a folder that stays after a
 *	SIGKILL.  The memory becomes a memfd; the folder (SHIM_NO_FOLDER, told to
 *	the kernel as uml_dir=) is never made.
 * Death: a guest process is a traced child of the kernel's process.  If that
 *	one is killed the children must go too: PTRACE_O_EXITKILL.
 *
 * It assumes x86-64 and a UML of the 6.x series, which is single-threaded in
 * all that is intercepted here.
 */
#include <cpuid.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "guest/shim.h"

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#define TSC_STEP	  1000 /* cycles between two readings */
#define XSTATE_MAX	  65536
#define FP_SLOTS	  64
#define FP_BYTES	  4096
#define XSTATE_BV	  512 /* offset of the header's feature bits */
#define XSTATE_AMX	  ((uint64_t)3 << 17) /* TILECFG and TILEDATA */
#define SYSEMU		  31 /* PTRACE_SYSEMU, absent from glibc's enum */
#define SYSEMU_SINGLESTEP 32

typedef long ptrace_fn(int request, ...);
typedef ssize_t getrandom_fn(void *buf, size_t len, unsigned int flags);
typedef int clone_fn(int (*fn)(void *), void *stack, int flags, void *arg, ...);
typedef int mkdir_fn(const char *path, mode_t mode);
typedef int open_fn(const char *path, int flags, ...);
typedef pid_t waitpid_fn(pid_t pid, int *status, int options);

static int last_resume; /* the request that let the guest process run last */

static void *next_of(const char *symbol, void **cache)
{
	if (!*cache)
		*cache = dlsym(RTLD_NEXT, symbol);
	if (!*cache)
		abort();
	return *cache;
}

static ptrace_fn *real_ptrace(void)
{
	static void *cache;

	return (ptrace_fn *)next_of("ptrace", &cache);
}

/* The floating point state of guest processes that stand still, as read or written last */
static struct fp {
	pid_t pid; /* 0: nobody knows */
	size_t size;
	unsigned char bytes[FP_BYTES];
} fps[FP_SLOTS];

static struct fp *fp_of(pid_t pid)
{
	return &fps[(unsigned int)pid % FP_SLOTS];
}

static void fp_forget(pid_t pid)
{
	if (fp_of(pid)->pid == pid)
		fp_of(pid)->pid = 0;
}

static void fp_remember(pid_t pid, const struct iovec *state)
{
	struct fp *fp = fp_of(pid);

	fp->pid = state->iov_len <= sizeof(fp->bytes) ? pid : 0;
	if (!fp->pid)
		return;
	fp->size = state->iov_len;
	memcpy(fp->bytes, state->iov_base, state->iov_len);
}

static int fp_is(pid_t pid, const struct iovec *state)
{
	const struct fp *fp = fp_of(pid);

	return fp->pid == pid && fp->size == state->iov_len &&
	       memcmp(fp->bytes, state->iov_base, fp->size) == 0;
}

static unsigned int xstate_size(void)
{
	static unsigned int size;
	unsigned int a, b = 0, c, d;

	if (!size) {
		__cpuid_count(0xd, 0, a, b, c, d);
		size = b && b <= XSTATE_MAX ? b : XSTATE_MAX;
	}
	return size;
}

static long set_xstate(pid_t pid, const struct iovec *given)
{
	static unsigned char padded[XSTATE_MAX];
	unsigned int size = xstate_size();
	struct iovec whole = { padded, size };
	uint64_t features;

	if (given->iov_len >= size) {
		whole.iov_base = given->iov_base;
	} else {
		memset(padded, 0, sizeof(padded));
		memcpy(padded, given->iov_base, given->iov_len);
		memcpy(&features, padded + XSTATE_BV, sizeof(features));
		features &= ~XSTATE_AMX;
		memcpy(padded + XSTATE_BV, &features, sizeof(features));
	}
	return real_ptrace()(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &whole);
}

static long write_xstate(pid_t pid, const struct iovec *given)
{
	long rc;

	if (fp_is(pid, given))
		return 0;
	rc = set_xstate(pid, given);
	if (rc == 0)
		fp_remember(pid, given);
	else
		fp_forget(pid);
	return rc;
}

static long read_xstate(pid_t pid, struct iovec *state)
{
	long rc = real_ptrace()(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, state);

	if (rc == 0)
		fp_remember(pid, state);
	return rc;
}

long ptrace(enum __ptrace_request request, ...)
{
	void *addr, *data;
	va_list ap;
	pid_t pid;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);

	if (request == PTRACE_SETREGSET && (uintptr_t)addr == NT_X86_XSTATE)
		return write_xstate(pid, data);
	if (request == PTRACE_GETREGSET && (uintptr_t)addr == NT_X86_XSTATE)
		return read_xstate(pid, data);
	if (request == PTRACE_SETOPTIONS)
		/* a mask, in a pointer by ptrace's contract */
		/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
		data = (void *)((uintptr_t)data | PTRACE_O_EXITKILL);
	if ((int)request == SYSEMU || (int)request == SYSEMU_SINGLESTEP ||
	    request == PTRACE_SYSCALL || request == PTRACE_CONT) {
		last_resume = (int)request;
		/* without a signal UML continues its stub, whose code has no floating point */
		if (request != PTRACE_CONT || data)
			fp_forget(pid);
	}
	return real_ptrace()((int)request, pid, addr, data);
}

/* splitmix64: a byte of each output, so that every length draws alike */
ssize_t getrandom(void *buf, size_t len, unsigned int flags)
{
	static void *cache;
	static uint64_t state;
	static enum { UNKNOWN, SEEDED, REAL } mode;
	unsigned char *bytes = buf;

	if (mode == UNKNOWN) {
		const char *seed = getenv(SHIM_SEED);

		mode = seed ? SEEDED : REAL;
		state = seed ? strtoull(seed, NULL, 0) : 0;
	}
	if (mode == REAL)
		return ((getrandom_fn *)next_of("getrandom", &cache))(buf, len, flags);
	for (size_t i = 0; i < len; i++) {
		uint64_t z = state += 0x9e3779b97f4a7c15ULL;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		bytes[i] = (unsigned char)(z ^ (z >> 31));
	}
	return (ssize_t)len;
}

static int of_no_folder(const char *path)
{
	return strncmp(path, SHIM_NO_FOLDER, sizeof(SHIM_NO_FOLDER) - 1) == 0;
}

int mkdir(const char *path, mode_t mode)
{
	static void *cache;

	if (of_no_folder(path))
		return 0;
	return ((mkdir_fn *)next_of("mkdir", &cache))(path, mode);
}

int open64(const char *path, int flags, ...)
{
	static void *cache;
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return memfd_create("guest-memory", MFD_CLOEXEC);
	return ((open_fn *)next_of("open64", &cache))(
		of_no_folder(path) ? "/dev/null" : path,
		of_no_folder(path) ? O_WRONLY | O_CLOEXEC : flags, mode);
}

/* A clone without CLONE_VM is the address space of a guest process */
int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	static void *cache;
	clone_fn *real = (clone_fn *)next_of("clone", &cache);
	int pid;

	if (flags & CLONE_VM)
		return real(fn, stack, flags, arg);
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
	pid = real(fn, stack, flags, arg);
	prctl(PR_SET_TSC, PR_TSC_ENABLE);
	return pid;
}

/* Is the process stopped at RDTSC or RDTSCP? Then answer it. */
static int answered_rdtsc(pid_t pid)
{
	static uint64_t tsc;
	struct user_regs_struct regs;
	siginfo_t info;
	int length;
	long text;

	/* a page fault, as most are, has an address */
	if (real_ptrace()(PTRACE_GETSIGINFO, pid, NULL, &info) || info.si_code != SI_KERNEL ||
	    real_ptrace()(PTRACE_GETREGS, pid, NULL, &regs))
		return 0;
	errno = 0;
	/* an address of the other process
	 * NOLINTNEXTLINE(performance-no-int-to-ptr) */
	text = real_ptrace()(PTRACE_PEEKTEXT, pid, (void *)regs.rip, NULL);
	if (errno)
		return 0;
	if ((text & 0xffff) == 0x310f)
		length = 2;
	else if ((text & 0xffffff) == 0xf9010f)
		length = 3;
	else
		return 0;
	tsc += TSC_STEP;
	regs.rax = tsc & 0xffffffff;
	regs.rdx = tsc >> 32;
	if (length == 3)
		regs.rcx = 0;
	regs.rip += (unsigned long)length;
	real_ptrace()(PTRACE_SETREGS, pid, NULL, &regs);
	real_ptrace()(last_resume, pid, NULL, NULL);
	return 1;
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	static void *cache;
	waitpid_fn *real = (waitpid_fn *)next_of("waitpid", &cache);

	for (;;) {
		pid_t got = real(pid, status, options);

		if (got > 0 && status && last_resume && WIFSTOPPED(*status) &&
		    WSTOPSIG(*status) == SIGSEGV && answered_rdtsc(got))
			continue;
		return got;
	}
}
