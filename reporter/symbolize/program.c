/* SPDX-License-Identifier: MIT */
/*
 * Reads the headers of a program file with libelf, or the first line of a script.
 */
#include "symbolize/program.h"

#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static void read_segments(Elf *elf, struct cwr_program *program)
{
	size_t n = 0;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;
		const char *whole;
		size_t size = 0;

		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_INTERP)
			continue;
		whole = elf_rawfile(elf, &size);
		if (!whole || phdr.p_offset >= size || phdr.p_filesz > size - phdr.p_offset)
			continue;
		snprintf(program->interpreter, sizeof(program->interpreter), "%.*s",
			 (int)phdr.p_filesz, whole + phdr.p_offset);
	}
}

static void read_sections(Elf *elf, struct cwr_program *program)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr shdr;
		const char *name;

		if (!gelf_getshdr(section, &shdr))
			continue;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (name && !strcmp(name, ".go.buildinfo"))
			program->is_go = true;
	}
}

static void read_elf(int fd, struct cwr_program *program)
{
	Elf *elf;
	GElf_Ehdr ehdr;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &ehdr)) {
		program->is_elf = true;
		program->elf_class = ehdr.e_ident[EI_CLASS];
		program->machine = ehdr.e_machine;
		read_segments(elf, program);
		read_sections(elf, program);
	}
	elf_end(elf);
}

/* The first word after #! is the program (execve(2), "Interpreter scripts"). */
static void read_script(int fd, struct cwr_program *program)
{
	char line[CWR_INTERPRETER_MAX] = "";
	const char *word;

	if (pread(fd, line, sizeof(line) - 1, 0) < 3 || strncmp(line, "#!", 2) != 0)
		return;
	program->is_script = true;
	word = line + 2 + strspn(line + 2, " \t");
	snprintf(program->interpreter, sizeof(program->interpreter), "%.*s",
		 (int)strcspn(word, " \t\n"), word);
}

struct cwr_error *cwr_program_read(const char *path, struct cwr_program *ret_program)
{
	CWR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*ret_program = (struct cwr_program){0};
	if (fd < 0 || fstat(fd, &st) < 0)
		return cwr_error_new(CWR_EXIT_INPUT, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cwr_error_new(CWR_EXIT_INPUT, "%s: not a program", path);
	ret_program->is_privileged = st.st_mode & (S_ISUID | S_ISGID) ||
				     fgetxattr(fd, "security.capability", NULL, 0) > 0;
	read_script(fd, ret_program);
	if (!ret_program->is_script)
		read_elf(fd, ret_program);
	return NULL;
}

const char *cwr_program_machine_name(int machine, char text[static 32])
{
	static const struct {
		int machine;
		const char *name;
	} names[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_386, "i386"},
		     {EM_ARM, "arm"},	    {EM_PPC64, "ppc64"},     {EM_S390, "s390"},
		     {EM_RISCV, "riscv"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == machine)
			return names[i].name;
	snprintf(text, 32, "machine %d", machine);
	return text;
}
