/* SPDX-License-Identifier: MIT */
/*
 * Asks the kernel for what the header says of its process.
 */
#include "track/describe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "core/clock.h"
#include "core/options.h"
#include "core/raw.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/unwind.h"
#include "track/children.h"

#include "core/poison.h"

void cw_describe_process(struct cw_session_header *header)
{
	struct timespec real;
	struct stat st;
	long len;

	header->pid = cw_process_id();
	header->ppid = (int32_t)cw_raw(SYS_getppid);
	header->uid = (uint32_t)cw_raw(SYS_geteuid);
	header->start_ticks = cw_children_start_ticks(0);
	header->t_start = cw_now();
	clock_gettime(CLOCK_REALTIME, &real);
	header->t_start_real = (uint64_t)real.tv_sec * 1000000000u + (uint64_t)real.tv_nsec;
	if (stat("/proc/self/ns/net", &st) == 0)
		header->netns = st.st_ino;
	if (stat("/proc/self/ns/pid", &st) == 0)
		header->pidns = st.st_ino;
	header->unwinder = cw_unwind_kind();
	header->late = cw_options.late.number;
	len = cw_raw(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", header->exe,
		     sizeof(header->exe) - 1);
	header->exe[len > 0 ? len : 0] = '\0';
	len = cw_read_file("/proc/self/cmdline", header->cmdline, sizeof(header->cmdline));
	header->cmdline_len = len > 0 ? (uint32_t)len : 0;
}
