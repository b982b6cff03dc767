/* SPDX-License-Identifier: MIT */
/*
 * What a program file says of itself: enough to know whether a preloaded library would get into it.
 */
#ifndef CWR_SYMBOLIZE_PROGRAM_H
#define CWR_SYMBOLIZE_PROGRAM_H

#include "util/error.h"

#include <stdbool.h>

enum { CWR_INTERPRETER_MAX = 256 };

struct cwr_program {
	bool is_elf;
	bool is_script;	    /* starts with #! */
	int elf_class;	    /* ELFCLASS32, ELFCLASS64 */
	int machine;	    /* EM_X86_64 ... */
	bool is_go;	    /* has the section that the Go linker writes */
	bool has_own_calls; /* makes system calls on sockets in its own code (x86-64 only) */
	bool needs_asan;    /* gcc's run-time library of AddressSanitizer */
	bool is_php;	    /* exports what PHP's programs and its library for servers do */
	bool is_privileged; /* set-uid, set-gid or with file capabilities */
	/* ELF: the loader, "" for a static program.  Script: the program that runs it. */
	char interpreter[CWR_INTERPRETER_MAX];
};

/* Reads the file (elf(5), execve(2)).  An error says why it cannot be read. */
struct cwr_error *cwr_program_read(const char *path, struct cwr_program *ret_program);

/* "x86-64", "aarch64" ...; a number for one without a name here. */
const char *cwr_program_machine_name(int machine, char text[static 32]);

#endif
