/* SPDX-License-Identifier: MIT */
/*
 * A function that tells nothing of its frame: the shim's layouts do not suffice for a stack that it
 * is on, and libunwind is wanted.
 */
#ifndef CWSHIM_UNTOLD_H
#define CWSHIM_UNTOLD_H

/* Calls function(argument).  Without call frame information. */
#if defined(__x86_64__)
extern int call_untold(int (*function)(int), int argument);

__asm__(".pushsection .text\n"
	".type call_untold, @function\n"
	"call_untold:\n"
	"	push	%rbp\n"
	"	mov	%rsp, %rbp\n"
	"	mov	%rdi, %rax\n"
	"	mov	%esi, %edi\n"
	"	call	*%rax\n"
	"	pop	%rbp\n"
	"	ret\n"
	".size call_untold, . - call_untold\n"
	".popsection\n");
#else
static inline int call_untold(int (*function)(int), int argument)
{
	return function(argument);
}
#endif

#endif
