/* SPDX-License-Identifier: MIT */
/*
 * int call_framed(int (*function)(int), int argument, void *decoy): calls it from a frame of
 * PUSHES words, each the decoy.  Built several times: the same code at the same addresses, save
 * for the size of the frame.
 */
	.text
	.globl	call_framed
	.type	call_framed, %function
call_framed:
	.cfi_startproc
#if defined(__x86_64__)
	mov	%rdi, %rax
	mov	%esi, %edi
	.rept	PUSHES
	push	%rdx
	.cfi_adjust_cfa_offset 8
	.endr
	.rept	9 - PUSHES
	nop
	.endr
	call	*%rax
	add	$(8 * PUSHES), %rsp
	.cfi_adjust_cfa_offset -8 * PUSHES
	ret
#elif defined(__aarch64__)
	mov	x3, x0
	mov	w0, w1
	br	x3
#endif
	.cfi_endproc
	.size	call_framed, . - call_framed
	.section .note.GNU-stack, "", %progbits
