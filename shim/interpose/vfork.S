/* SPDX-License-Identifier: MIT */
/*
 * vfork: parent and child share memory and stack, so the function returns twice on one stack frame and
 * cannot be written in C.  What C has to do happens in calls before the system call, and after it in
 * the parent only; the return address waits in a register, which the kernel keeps for both.
 * cw_vfork_before() sets the thread's in_vfork, which the child sees too, as it shares the thread's
 * storage: it records nothing.  Both calls are made from a frame with a frame pointer, as all of the
 * library's are (core/unwind.c).  cw_vfork_after() clears it, and turns the result into errno.
 */
#include <sys/syscall.h>

	.text
	.globl vfork
	.type vfork, %function
	.globl __vfork
	.type __vfork, %function
#if defined(__x86_64__)
vfork:
__vfork:
	.cfi_startproc
	push %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov %rsp, %rbp
	call cw_vfork_before
	pop %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	pop %rdi
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rdi
	mov $SYS_vfork, %eax
	syscall
	push %rdi
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rip, 0
	test %rax, %rax
	jz 1f
	mov %rax, %rdi
	push %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov %rsp, %rbp
	call cw_vfork_after
	pop %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
1:	ret
	.cfi_endproc
#elif defined(__aarch64__)
vfork:
__vfork:
	.cfi_startproc
	stp x29, x30, [sp, -16]!
	bl cw_vfork_before
	ldp x29, x30, [sp], 16
	mov x0, 0x4111 /* CLONE_VM | CLONE_VFORK | SIGCHLD */
	mov x1, 0
	mov x8, SYS_clone
	svc 0
	cbz x0, 1f
	stp x29, x30, [sp, -16]!
	bl cw_vfork_after
	ldp x29, x30, [sp], 16
1:	ret
	.cfi_endproc
#endif
	.size vfork, . - vfork
	.section .note.GNU-stack, "", %progbits
