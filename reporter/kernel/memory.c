/* SPDX-License-Identifier: MIT */
/*
 * Sessions in memory; see memory.h.  The library's first page holds its ELF header (elf(5)), whose
 * program headers lead to its notes, and one of these leads to the session.  Everything is read
 * through /proc/PID/mem (proc(5)) and believed only as far as it makes sense.
 */
#include "kernel/memory.h"

#include "kernel/pidns.h"
#include "kernel/proc.h"
#include "util/cleanup.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENTS = 32, NOTES = 1024 };

static bool read_memory(int memory, void *to, size_t size, uint64_t address)
{
	return pread(memory, to, size, (off_t)address) == (ssize_t)size;
}

/* Where the library begins; 0: it is not there. */
static uint64_t find_library(pid_t pid)
{
	CWR_AUTO_FREE char *line = NULL;
	char path[64];
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	CWR_AUTO_FCLOSE FILE *maps = fopen(path, "re");

	while (maps && getline(&line, &size, maps) > 0) {
		uint64_t start, offset;

		/* start-end perms offset device inode path */
		if (strstr(line, "/libcwshim.so") &&
		    sscanf(line, "%" SCNx64 "-%*x %*s %" SCNx64, &start, &offset) == 2 && !offset)
			return start;
	}
	return 0;
}

static size_t padded(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* The session's address, from the notes that lie at `address`; 0: not among them. */
static uint64_t search_notes(const char *notes, size_t size, uint64_t address)
{
	size_t at = 0;

	while (at + sizeof(ElfW(Nhdr)) <= size) {
		ElfW(Nhdr) note;
		size_t owner = at + sizeof(note), content;
		int64_t distance;

		memcpy(&note, notes + at, sizeof(note));
		content = owner + padded(note.n_namesz);
		at = content + padded(note.n_descsz);
		if (note.n_namesz > size || note.n_descsz > size || at > size)
			break;
		if (note.n_type != CW_NOTE_MEMORY || note.n_namesz != sizeof(CW_NOTE_OWNER) ||
		    note.n_descsz != sizeof(distance) ||
		    memcmp(notes + owner, CW_NOTE_OWNER, sizeof(CW_NOTE_OWNER)) != 0)
			continue;
		memcpy(&distance, notes + content, sizeof(distance));
		return address + content + (uint64_t)distance;
	}
	return 0;
}

static uint64_t search_segment(int memory, uint64_t library, const ElfW(Phdr) * segment)
{
	char notes[NOTES];
	size_t size = segment->p_memsz < NOTES ? segment->p_memsz : NOTES;

	if (segment->p_type != PT_NOTE ||
	    !read_memory(memory, notes, size, library + segment->p_vaddr))
		return 0;
	return search_notes(notes, size, library + segment->p_vaddr);
}

static uint64_t find_session(int memory, uint64_t library)
{
	ElfW(Phdr) segments[SEGMENTS];
	ElfW(Ehdr) elf;
	uint64_t found = 0;

	if (!library || !read_memory(memory, &elf, sizeof(elf), library) ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_phnum > SEGMENTS ||
	    !read_memory(memory, segments, elf.e_phnum * sizeof(segments[0]),
			 library + elf.e_phoff))
		return 0;
	for (int i = 0; i < elf.e_phnum && !found; i++)
		found = search_segment(memory, library, &segments[i]);
	return found;
}

static bool is_session(const struct cw_session_header *header)
{
	return !memcmp(header->magic, CW_SESSION_MAGIC, sizeof(header->magic)) &&
	       header->version == CW_SESSION_VERSION && header->ready &&
	       header->flags & CW_SESSION_IN_MEMORY;
}

/* A session has the numbers of its process's own pid namespace. */
static pid_t number_of(pid_t pid)
{
	pid_t own = cwr_pidns_own_number(pid);

	return own ? own : pid;
}

static uint64_t namespace_of(pid_t pid, const char *kind)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void describe(pid_t pid, struct cw_session_header *header)
{
	struct cwr_proc_stat stat_of = {0};
	char path[64];
	ssize_t n;

	header->pid = number_of(pid);
	if (cwr_proc_stat(pid, &stat_of)) {
		header->ppid = number_of(stat_of.ppid);
		header->start_ticks = stat_of.start_ticks;
	}
	header->t_start_real = cwr_proc_now(CLOCK_REALTIME) - cwr_proc_now(CLOCK_MONOTONIC) +
			       cwr_proc_ticks_to_monotonic(stat_of.start_ticks);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, header->exe, sizeof(header->exe) - 1);
	header->exe[n > 0 ? n : 0] = 0;
	n = cwr_proc_read_text(header->cmdline, sizeof(header->cmdline), pid, "cmdline");
	header->cmdline_len = n > 0 ? (uint32_t)n : 0;
	header->netns = namespace_of(pid, "net");
	header->pidns = namespace_of(pid, "pid");
}

bool cwr_memory_find(pid_t pid, uint64_t *ret_address, struct cw_session_header *ret_header)
{
	char path[64];
	uint64_t library = find_library(pid);

	if (!library)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	CWR_AUTO_CLOSE int memory = open(path, O_RDONLY | O_CLOEXEC);

	if (memory < 0)
		return false;
	*ret_address = find_session(memory, library);
	if (!*ret_address || !read_memory(memory, ret_header, sizeof(*ret_header), *ret_address) ||
	    !is_session(ret_header))
		return false;
	describe(pid, ret_header);
	return true;
}
