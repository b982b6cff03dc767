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
#include <sys/syscall.h>
#include <sys/xattr.h>

/* Numbers of x86-64 (asm/unistd_64.h): those calls that the shim would have to see. */
static bool is_about_sockets(uint32_t number)
{
	static const uint32_t numbers[] = {SYS_close,	SYS_dup,      SYS_dup2,	   SYS_dup3,
					   SYS_socket,	SYS_connect,  SYS_accept,  SYS_accept4,
					   SYS_recvmsg, SYS_recvfrom, SYS_shutdown};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/*
 * mov $NUMBER,%eax (or, longer, %rax); syscall.  Compilers put other instructions in between too:
 * what is found is certain, what is not found is not.
 */
static bool has_own_calls(const unsigned char *code, size_t size)
{
	static const unsigned char call[] = {0x0f, 0x05};
	const unsigned char *at = code, *end = code + size;
	uint32_t number;

	while ((at = memmem(at, (size_t)(end - at), call, sizeof(call)))) {
		bool is_short = at - code >= 5 && at[-5] == 0xb8;
		bool is_long = at - code >= 7 && !memcmp(at - 7, "\x48\xc7\xc0", 3);

		if (is_short || is_long) {
			memcpy(&number, at - 4, sizeof(number));
			if (is_about_sockets(number))
				return true;
		}
		at += sizeof(call);
	}
	return false;
}

static void read_segment(const GElf_Phdr *phdr, const char *content, struct cwr_program *program)
{
	if (phdr->p_type == PT_INTERP)
		snprintf(program->interpreter, sizeof(program->interpreter), "%.*s",
			 (int)phdr->p_filesz, content);
	if (phdr->p_type == PT_LOAD && phdr->p_flags & PF_X && program->machine == EM_X86_64)
		program->has_own_calls |=
			has_own_calls((const unsigned char *)content, phdr->p_filesz);
}

static void read_segments(Elf *elf, struct cwr_program *program)
{
	size_t n = 0, size = 0;
	const char *whole = elf_rawfile(elf, &size);

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; whole && i < n; i++) {
		GElf_Phdr phdr;

		if (gelf_getphdr(elf, (int)i, &phdr) && phdr.p_offset < size &&
		    phdr.p_filesz <= size - phdr.p_offset)
			read_segment(&phdr, whole + phdr.p_offset, program);
	}
}

static void read_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *shdr,
			 struct cwr_program *program)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Dyn dyn;

	for (int i = 0; data && gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		const char *name = dyn.d_tag == DT_NEEDED
					   ? elf_strptr(elf, shdr->sh_link, dyn.d_un.d_val)
					   : NULL;

		program->needs_asan |= name && !strncmp(name, "libasan.so", strlen("libasan.so"));
	}
}

static bool has_symbol(Elf *elf, Elf_Scn *section, const GElf_Shdr *shdr, const char *wanted)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym symbol;

	for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
		const char *name = elf_strptr(elf, shdr->sh_link, symbol.st_name);

		if (name && symbol.st_shndx != SHN_UNDEF && !strcmp(name, wanted))
			return true;
	}
	return false;
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
		if (shdr.sh_type == SHT_DYNSYM)
			program->is_php = has_symbol(elf, section, &shdr, "php_module_startup");
		if (shdr.sh_type == SHT_DYNAMIC)
			read_dynamic(elf, section, &shdr, program);
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
