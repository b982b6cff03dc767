/* SPDX-License-Identifier: MIT */
/*
 * The real functions behind the interposed ones, and the ids under which sessions name them.
 */
#ifndef CW_CORE_REAL_H
#define CW_CORE_REAL_H

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <termios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

enum cw_fn {
	CW_FN_none,
#define CW_FN(name, ret, params) CW_FN_##name,
#include "core/functions.h"
#undef CW_FN
	CW_FN_count
};

/*
 * Filled by the constructor.  Before that, the members that are plain system calls make that call;
 * the others are NULL and are used through CW_REAL.
 */
struct cw_real {
#define CW_FN(name, ret, params) ret(*name) params;
#include "core/functions.h"
#undef CW_FN
};

extern struct cw_real cw_real;

/* Looks all real functions up.  Called once, by the constructor; not async-signal-safe (dlsym). */
void cw_real_init(void);

/* The next definition of one function after ours, or NULL.  Not async-signal-safe (dlsym). */
void *cw_real_find(unsigned int fn);

/*
 * For functions that no system call replaces: finds the real one if the constructor has not yet
 * (a call from the constructor of another library).  Such functions are not async-signal-safe
 * themselves, or cannot be called by a signal handler that early.
 */
#define CW_REAL(name)                                                                        \
	({                                                                                   \
		if (!cw_real.name)                                                           \
			cw_real.name = (__typeof__(cw_real.name))cw_real_find(CW_FN_##name); \
		cw_real.name;                                                                \
	})

/* The name of a function id, "" for one that is not known.  Async-signal-safe. */
const char *cw_fn_name(unsigned int fn);

#endif
