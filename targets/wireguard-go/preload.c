// SPDX-License-Identifier: Apache-2.0
/*
 * A preload library that makes wireguard-go write its private keys, the ephemeral ones
 * too, to the file that WG_KEYLOG_FILE names, in the format that Wireshark reads.
 *
 * Theory of operation.  wireguard-go has no option for that, and a Go program asks the
 * kernel, not the C library, for randomness.  But all of its private keys go through one
 * function, which is not inlined: ScalarMult(dst, scalar, point) of x/crypto.  It is found
 * in the table of functions that Go's runtime keeps for itself, stripped or not.  The
 * first instruction of the function is replaced by a jump to a stub, which writes the 32
 * bytes of `scalar` into a pipe, executes the replaced instruction, and jumps back.  On
 * the stack of a goroutine is little room: the stub needs 48 bytes, and all else is done
 * by a thread of ours at the other end of the pipe.
 *
 * It assumes x86-64 and Go's register calling convention (1.17 and later: the second
 * argument is in RBX).  Where anything looks otherwise than expected (another table,
 * another first instruction) nothing is changed and no keys are written.
 */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUNCTION "golang.org/x/crypto/curve25519.ScalarMult"
#define KEY_LEN	 32
#define RECENT	 8 /* a key is used several times in a handshake, and written once */
#define LABEL	 "LOCAL_EPHEMERAL_PRIVATE_KEY = "

static int keys[2] = { -1, -1 }; /* the pipe */
static const char *path;

/* --- the other end of the pipe ------------------------------------------------- */

static size_t base64(char *out, const uint8_t key[KEY_LEN])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < KEY_LEN; i += 3) {
		uint32_t v = (uint32_t)key[i] << 16;

		v |= i + 1 < KEY_LEN ? (uint32_t)key[i + 1] << 8 : 0;
		v |= i + 2 < KEY_LEN ? (uint32_t)key[i + 2] : 0;
		for (int shift = 18; shift >= 0; shift -= 6)
			out[n++] = digits[v >> shift & 63];
	}
	out[n - 1] = '='; /* 32 bytes are one short of a multiple of 3 */
	return n;
}

static void append(const uint8_t key[KEY_LEN])
{
	char line[128] = LABEL;
	size_t len = sizeof(LABEL) - 1;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	len += base64(line + len, key);
	line[len++] = '\n';
	if (fd < 0)
		return;
	if (write(fd, line, len) < 0)
		path = "/dev/null"; /* no room: these are keys for looking, not for working */
	close(fd);
}

static void *note_keys(void *unused)
{
	uint8_t recent[RECENT][KEY_LEN] = { 0 }, key[KEY_LEN];
	unsigned int next = 0;

	while (read(keys[0], key, sizeof(key)) == KEY_LEN) {
		bool known = false;

		for (int i = 0; i < RECENT; i++)
			known |= memcmp(recent[i], key, KEY_LEN) == 0;
		if (known)
			continue;
		memcpy(recent[next++ % RECENT], key, KEY_LEN);
		append(key);
	}
	return unused;
}

/* Signals are for the threads of Go's runtime, whose handlers know no other */
static bool start_thread(void)
{
	pthread_t thread;
	sigset_t all, old;
	bool started;

	sigfillset(&all);
	if (pipe2(keys, O_CLOEXEC) || pthread_sigmask(SIG_SETMASK, &all, &old))
		return false;
	started = pthread_create(&thread, NULL, note_keys, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return started;
}

/* --- Go's table of functions --------------------------------------------------- */

/* runtime/symtab.go, Go 1.18 and later: pcHeader */
struct pc_header {
	uint32_t magic;
	uint8_t pad[2], min_instruction, pointer_size;
	uint64_t functions, files, text, names, units, file_names, pc_table, function_table;
};

#define MAGIC_1_18 0xfffffff0U
#define MAGIC_1_20 0xfffffff1U

struct segment {
	const uint8_t *start;
	size_t len;
};

/* What a program says of itself: a number */
static uint8_t *at_address(uint64_t address)
{
	return (uint8_t *)(uintptr_t)address; /* NOLINT(performance-no-int-to-ptr) */
}

static bool is_header(const struct pc_header *h, size_t len)
{
	return (h->magic == MAGIC_1_18 || h->magic == MAGIC_1_20) && !h->pad[0] && !h->pad[1] &&
	       h->min_instruction == 1 && h->pointer_size == 8 && h->names < len &&
	       h->function_table < len && h->functions < (len - h->function_table) / 8;
}

/* The function's first instruction, or NULL */
static uint8_t *find_in(const struct pc_header *h, size_t len, const char *name)
{
	const uint8_t *base = (const uint8_t *)h, *table = base + h->function_table;

	for (uint64_t i = 0; i < h->functions; i++) {
		uint32_t entry, at, name_at;

		memcpy(&entry, table + 8 * i, sizeof(entry));
		memcpy(&at, table + 8 * i + 4, sizeof(at));
		if (h->function_table + at + 8 > len)
			return NULL;
		memcpy(&name_at, table + at + 4, sizeof(name_at));
		if (h->names + name_at + strlen(name) + 1 > len)
			return NULL;
		if (memcmp(base + h->names + name_at, name, strlen(name) + 1) == 0)
			return at_address(h->text + entry);
	}
	return NULL;
}

static uint8_t *find_function(const char *name)
{
	const Elf64_Phdr *head = (const void *)at_address(getauxval(AT_PHDR));
	uint64_t n = getauxval(AT_PHNUM), base = 0;

	for (uint64_t i = 0; head && i < n; i++)
		if (head[i].p_type == PT_PHDR)
			base = (uintptr_t)head - head[i].p_vaddr;
	for (uint64_t i = 0; head && i < n; i++) {
		struct segment s = { at_address(base + head[i].p_vaddr), head[i].p_memsz };

		if (head[i].p_type != PT_LOAD || !(head[i].p_flags & PF_R))
			continue;
		for (size_t at = 0; at + sizeof(struct pc_header) < s.len; at += 8) {
			const struct pc_header *h = (const void *)(s.start + at);

			if (is_header(h, s.len - at))
				return find_in(h, s.len - at, name);
		}
	}
	return NULL;
}

/* --- the jump ------------------------------------------------------------------- */

#define JUMP_LEN 5 /* e9, and how far from its end */

/* "lea r12, [rsp - n]", with which Go begins a function of a large frame */
static const uint8_t first[] = { 0x4c, 0x8d, 0xa4, 0x24 };
#define FIRST_LEN 8

static const uint8_t stub[] = {
	0x50, 0x51, 0x52, 0x56, 0x57, 0x41, 0x53, /* push rax rcx rdx rsi rdi r11 */
	0xb8, 0x01, 0,	  0,	0, /* mov eax, SYS_write */
	0xbf, 0,    0,	  0,	0, /* mov edi, the pipe */
	0x48, 0x89, 0xde, /* mov rsi, rbx */
	0xba, 0x20, 0,	  0,	0, /* mov edx, 32 */
	0x0f, 0x05, /* syscall */
	0x41, 0x5b, 0x5f, 0x5e, 0x5a, 0x59, 0x58, /* pop them */
};
#define STUB_PIPE 13 /* where the number of the pipe stands */

static bool put_jump(uint8_t *from, const uint8_t *to)
{
	int64_t way = (int64_t)((uintptr_t)to - ((uintptr_t)from + JUMP_LEN));
	int32_t way32 = (int32_t)way;

	if (way < INT32_MIN || way > INT32_MAX)
		return false;
	from[0] = 0xe9;
	memcpy(from + 1, &way32, sizeof(way32));
	return true;
}

static void hook(uint8_t *function)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *start = function - ((uintptr_t)function & (page - 1)), *code;

	code = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		    0);
	if (code == MAP_FAILED)
		return;
	memcpy(code, stub, sizeof(stub));
	memcpy(code + STUB_PIPE, &keys[1], sizeof(keys[1]));
	memcpy(code + sizeof(stub), function, FIRST_LEN);
	if (!put_jump(code + sizeof(stub) + FIRST_LEN, function + FIRST_LEN) ||
	    mprotect(code, page, PROT_READ | PROT_EXEC) ||
	    mprotect(start, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC))
		return;
	put_jump(function, code); /* the same way back: it fits too */
	mprotect(start, 2 * page, PROT_READ | PROT_EXEC);
}

__attribute__((constructor)) static void begin(void)
{
	uint8_t *function;

	path = getenv("WG_KEYLOG_FILE");
	function = path ? find_function(FUNCTION) : NULL;
	if (function && memcmp(function, first, sizeof(first)) == 0 && start_thread())
		hook(function);
}
