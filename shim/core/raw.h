/* SPDX-License-Identifier: MIT */
/*
 * System calls without libc: they touch neither errno nor cancellation, and cannot come back to an
 * interposed function.  All are async-signal-safe and return a value, or -errno (syscall(2),
 * "Architecture calling conventions").
 */
#ifndef CW_CORE_RAW_H
#define CW_CORE_RAW_H

#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long cw_raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long cw_raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "cwshim runs on x86-64 and aarch64"
#endif

/* cw_raw(SYS_close, fd): up to six arguments of any integer or pointer type. */
#define cw_raw(...) CW_RAW_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CW_RAW_PICK(nr, a, b, c, d, e, f, ...) \
	cw_raw6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
