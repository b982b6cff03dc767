/* SPDX-License-Identifier: MIT */
/*
 * The talk with an ending process; see talk.h.  Everything it says is a word in a file that it
 * could have damaged, so nothing but the phase is read, and no wait is without an end.
 */
#include "cmd/talk.h"

#include "kernel/pidns.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { WAIT_MS = 200 }; /* how often it is checked that the process still lives */

struct cwr_error *cwr_talk_open(struct cwr_talk *talk, const char *path)
{
	CWR_AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	void *map = MAP_FAILED;

	talk->header = NULL;
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(*talk->header))
		map = mmap(NULL, sizeof(*talk->header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return cwr_error_new(CWR_EXIT_INPUT, "%s: %s", path,
				     fd < 0 ? strerror(errno) : "cannot be mapped");
	talk->header = map;
	return NULL;
}

void cwr_talk_close(struct cwr_talk *talk)
{
	if (talk->header)
		munmap(talk->header, sizeof(*talk->header));
	talk->header = NULL;
}

static void set_phase(struct cwr_talk *talk, enum cw_phase phase)
{
	/* Release: whoever sees the phase sees what was written before it. */
	__atomic_store_n(&talk->header->phase, phase, __ATOMIC_RELEASE);
	syscall(SYS_futex, &talk->header->phase, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* The process may have given up waiting and be further than that by now. */
void cwr_talk_captured(struct cwr_talk *talk, unsigned int failing)
{
	uint32_t expected = CW_PHASE_ASKED;

	talk->header->failing = failing;
	__atomic_compare_exchange_n(&talk->header->phase, &expected, CW_PHASE_CAPTURED, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	syscall(SYS_futex, &talk->header->phase, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool is_gone(const struct cw_session_header *header)
{
	return !cwr_pidns_find(header->pid, header->start_ticks, header->pidns);
}

void cwr_talk_wait_for_finish(struct cwr_talk *talk)
{
	const struct timespec timeout = {0, WAIT_MS * 1000000L};

	for (;;) {
		uint32_t phase = __atomic_load_n(&talk->header->phase, __ATOMIC_ACQUIRE);

		if (phase != CW_PHASE_ASKED && phase != CW_PHASE_CAPTURED)
			return;
		if (is_gone(talk->header))
			return;
		syscall(SYS_futex, &talk->header->phase, FUTEX_WAIT, phase, &timeout, NULL, 0);
	}
}

void cwr_talk_done(struct cwr_talk *talk)
{
	set_phase(talk, CW_PHASE_DONE);
}
