/* SPDX-License-Identifier: MIT */
/*
 * For odd_calls.c: where its arguments come from, good ones and bad, and where the results are
 * kept.  The same seed gives the same values.  What must not be seen by a preloaded library, or be
 * counted as a call of the program, is done by the system call itself.
 */
#ifndef CWSHIM_ODD_VALUES_H
#define CWSHIM_ODD_VALUES_H

#include "target.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "raw_call.h"

enum {
	ODD_PAGE = 4096,
	ODD_FDS = 40,	  /* descriptors below are the program's */
	ODD_PRIVATE = 60, /* and from here on those of the test itself */
	ODD_LOG = 8 << 20,
	ODD_ERRNO = 99 /* what errno is before each call */
};

struct odd_log {
	size_t used;
	char text[ODD_LOG];
};

static uint64_t odd_state;
static char *odd_page;		/* one that can be used, before one that cannot */
static struct odd_log *odd_log; /* shared with children */
static struct sockaddr_in odd_address;
static int odd_listener;

static unsigned int roll(unsigned int sides)
{
	odd_state ^= odd_state << 13;
	odd_state ^= odd_state >> 7;
	odd_state ^= odd_state << 17;
	return (unsigned int)(odd_state >> 24) % sides;
}

/* One of these, which are of one type. */
#define PICK(first, ...)                                                    \
	({                                                                  \
		const __typeof__((first) + 0) of_[] = {first, __VA_ARGS__}; \
		of_[roll(sizeof(of_) / sizeof(of_[0]))];                    \
	})

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	odd_log->used += (size_t)vsnprintf(odd_log->text + odd_log->used, ODD_LOG - odd_log->used,
					   format, ap);
	va_end(ap);
}

/* Makes the call and says what it returned and what became of errno. */
#define CALL(name, ...)                                   \
	({                                                \
		long ret_;                                \
                                                          \
		errno = ODD_ERRNO;                        \
		ret_ = (long)(name)(__VA_ARGS__);         \
		say("%s = %ld %d\n", #name, ret_, errno); \
		ret_;                                     \
	})

/* The same of a function that returns a pointer. */
#define CALL_FOR_POINTER(name, ...)                                          \
	({                                                                   \
		void *ret_;                                                  \
                                                                             \
		errno = ODD_ERRNO;                                           \
		ret_ = name(__VA_ARGS__);                                    \
		say("%s = %s %d\n", #name, ret_ ? "a pointer" : "0", errno); \
		ret_;                                                        \
	})

/* A descriptor: mostly one that may be open. */
static int some_fd(void)
{
	if (roll(12) == 0)
		return PICK(-1, INT_MAX, INT_MIN, 1 << 20, -100, 65536);
	return (int)roll(ODD_FDS);
}

/* A place for so many bytes: mostly it is there, else it is not, or only its beginning is. */
static void *some_place(size_t size)
{
	switch (roll(12)) {
	case 0:
		return NULL;
	case 1:
		return PICK((char *)8, (char *)-1);
	case 2:
		return odd_page + ODD_PAGE;
	case 3:
		return odd_page + ODD_PAGE - (size > 8 ? size / 2 : 1);
	default:
		return odd_page + roll(16) * 8;
	}
}

static bool is_usable(const void *at, size_t size)
{
	return (const char *)at >= odd_page && (const char *)at <= odd_page + ODD_PAGE - size;
}

static size_t some_size(void)
{
	return PICK((size_t)0, 1, 2, 16, 100, 2000, 4096, 70000, INT_MAX, SIZE_MAX);
}

/* A length of an address, in its place if there is one. */
static socklen_t *some_length(void)
{
	socklen_t *length = some_place(sizeof(*length));

	if (is_usable(length, sizeof(*length)))
		*length = PICK((socklen_t)0, 1, 2, 8, 16, 28, 128, INT_MAX, UINT_MAX);
	return length;
}

static const struct sockaddr *some_address(socklen_t *ret_length)
{
	static struct sockaddr_in6 six = {.sin6_family = AF_INET6,
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	static struct sockaddr none = {.sa_family = AF_UNSPEC};

	six.sin6_port = odd_address.sin_port;
	*ret_length = sizeof(odd_address);
	switch (roll(8)) {
	case 0:
		*ret_length = sizeof(six);
		return (struct sockaddr *)&six;
	case 1:
		return &none;
	case 2:
		return some_place(sizeof(odd_address));
	case 3:
		*ret_length = PICK((socklen_t)0, 1, 2, 8, 15, 17, 128, INT_MAX);
		break;
	default:
		break;
	}
	return (struct sockaddr *)&odd_address;
}

/* A vector of which pieces, or all, may not be there. */
static struct iovec *some_vector(int *ret_count)
{
	static struct iovec vector[4];

	for (int i = 0; i < 4; i++)
		vector[i] = (struct iovec){some_place(100), some_size()};
	*ret_count = PICK(0, 1, 2, 3, 4, -1, 1025, INT_MAX);
	return roll(8) ? vector : some_place(sizeof(vector));
}

/* A flag for send or receive; nothing ever waits. */
static int some_flags(void)
{
	return MSG_DONTWAIT | MSG_NOSIGNAL |
	       PICK(0, 0, MSG_PEEK, MSG_OOB, MSG_TRUNC, MSG_WAITALL, MSG_ERRQUEUE,
		    MSG_CMSG_CLOEXEC);
}

/* What a call that gave a descriptor returned: that must not wait either. */
static void set_nonblocking(long fd)
{
	int one = 1;

	if (fd >= 0)
		raw_call(SYS_ioctl, fd, FIONBIO, (long)&one, 0);
}

#endif
