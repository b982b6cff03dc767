/* SPDX-License-Identifier: MIT */
/*
 * Cached process and thread ids.  getpid() is a real system call of some 160 ns, so the id is kept
 * in a page that the kernel wipes in every forked child, whichever call forked it.
 */
#include "core/thread.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>

#include "core/raw.h"
#include "core/sandbox.h"

#include "core/poison.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

__thread struct cw_thread cw_thread;
bool cw_is_ready;
bool cw_has_vm_children;

/*
 * All that is CW_FORKED has a page of its own, and what is CW_FORKED_TABLE begins in it: the linker
 * takes sections in the order in which it meets them, and core/ comes first.
 */
__asm__(".pushsection .sbss.cw_forked,\"aw\",@nobits\n"
	"	.balign 4096\n"
	"	.popsection\n"
	"	.pushsection .sbss.cw_forked_table,\"aw\",@nobits\n"
	"	.popsection\n");

/* Used when the page cannot be had: forks are then seen only by the interposed fork(). */
static struct cw_wiped unwiped;
struct cw_wiped *cw_wiped = &unwiped;

void cw_process_id_init(void)
{
	long page = cw_raw(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page < 0 && page > -4096)
		return;
	if (cw_raw(SYS_madvise, page, 4096, MADV_WIPEONFORK) < 0)
		cw_raw(SYS_munmap, page, 4096);
	else
		cw_wiped = (struct cw_wiped *)page;
}

pid_t cw_process_id(void)
{
	return cw_wiped->process_id;
}

/*
 * A mutex remembers the thread that has it (struct __pthread_mutex_s, bits/struct_mutex.h).  This
 * one is nobody else's, so taking it waits for nothing and makes no system call.
 */
static pid_t ask_library(void)
{
	pthread_mutex_t probe = PTHREAD_MUTEX_INITIALIZER;

	return pthread_mutex_trylock(&probe) == 0 ? probe.__data.__owner : 0;
}

pid_t cw_process_id_ask(void)
{
	return cw_is_sandboxed ? ask_library() : (pid_t)cw_raw(SYS_getpid);
}

pid_t cw_process_id_renew(void)
{
	pid_t pid = cw_process_id_ask();

	cw_wiped->process_id = pid;
	return pid;
}

pid_t cw_thread_id(void)
{
	pid_t pid = cw_process_id();

	if (cw_thread.tid_of != pid || !cw_thread.tid) {
		cw_thread.tid = cw_is_sandboxed ? ask_library() : (int32_t)cw_raw(SYS_gettid);
		cw_thread.tid_of = pid;
	}
	return cw_thread.tid;
}

bool cw_may_record(void)
{
	if (!cw_is_ready || cw_thread.in_vfork)
		return false;
	return !cw_has_vm_children || cw_is_sandboxed || !cw_process_id() ||
	       cw_raw(SYS_getpid) == cw_process_id();
}
