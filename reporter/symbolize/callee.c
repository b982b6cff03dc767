/* SPDX-License-Identifier: MIT */
/*
 * Which function a call instruction calls; see callee.h.
 *
 * The forms of a call that compilers and linkers make on x86-64 are e8 with a relative target,
 * which is the function or its entry in the procedure linkage table, and ff 15 with a relative
 * word that holds the function's address (-fno-plt).  An entry of that table is an optional
 * endbr64 and ff 25, a jump through such a word; the relocation of the word names the function
 * (System V ABI, AMD64 Supplement, sections 5.2 and B.2).
 */
#include "symbolize/callee.h"

#include "model/arena.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_NEAR = 5, CALL_WORD = 6, STUB_MAX = 16 };

static void add(struct cwr_callee **list, size_t *n, const struct cwr_callee *one)
{
	struct cwr_callee *grown = realloc(*list, (*n + 1) * sizeof(**list));

	if (!grown)
		cwr_out_of_memory();
	*list = grown;
	grown[(*n)++] = *one;
}

static const void *ask(cwr_callee_fn *is_wanted, const char *name)
{
	return name && *name ? is_wanted(name, strcspn(name, "@")) : NULL;
}

static void read_symbols(struct cwr_callees *callees, Elf_Scn *section, const GElf_Shdr *shdr,
			 cwr_callee_fn *is_wanted)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && shdr->sh_entsize ? shdr->sh_size / shdr->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		struct cwr_callee one = {0};
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
			continue;
		one.what = ask(is_wanted, elf_strptr(callees->elf, shdr->sh_link, symbol.st_name));
		one.start = symbol.st_value;
		one.end = symbol.st_value + symbol.st_size;
		if (one.what)
			add(&callees->functions, &callees->nfunctions, &one);
	}
}

static void read_relocations(struct cwr_callees *callees, Elf_Scn *section, const GElf_Shdr *shdr,
			     cwr_callee_fn *is_wanted)
{
	Elf_Scn *symbols = elf_getscn(callees->elf, shdr->sh_link);
	Elf_Data *data = elf_getdata(section, NULL);
	Elf_Data *names = symbols ? elf_getdata(symbols, NULL) : NULL;
	size_t n = data && names && shdr->sh_entsize ? shdr->sh_size / shdr->sh_entsize : 0;
	GElf_Shdr of_symbols;

	if (!n || !gelf_getshdr(symbols, &of_symbols))
		return;
	for (size_t i = 0; i < n; i++) {
		struct cwr_callee one = {0};
		GElf_Rela rela;
		GElf_Sym symbol;

		if (!gelf_getrela(data, (int)i, &rela) || !GELF_R_SYM(rela.r_info) ||
		    !gelf_getsym(names, (int)GELF_R_SYM(rela.r_info), &symbol))
			continue;
		one.what = ask(is_wanted,
			       elf_strptr(callees->elf, of_symbols.sh_link, symbol.st_name));
		one.start = rela.r_offset;
		if (one.what)
			add(&callees->imports, &callees->nimports, &one);
	}
}

struct cwr_callees cwr_callees_read(Elf *elf, cwr_callee_fn *is_wanted)
{
	struct cwr_callees callees = {.elf = elf};
	Elf_Scn *section = NULL;
	GElf_Shdr shdr;

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &shdr))
			continue;
		if (shdr.sh_type == SHT_SYMTAB || shdr.sh_type == SHT_DYNSYM)
			read_symbols(&callees, section, &shdr, is_wanted);
		else if (shdr.sh_type == SHT_RELA)
			read_relocations(&callees, section, &shdr, is_wanted);
	}
	return callees;
}

void cwr_callees_free(struct cwr_callees *callees)
{
	free(callees->functions);
	free(callees->imports);
	*callees = (struct cwr_callees){0};
}

const void *cwr_callees_around(const struct cwr_callees *callees, uint64_t address)
{
	for (size_t i = 0; i < callees->nfunctions; i++)
		if (address >= callees->functions[i].start && address < callees->functions[i].end)
			return callees->functions[i].what;
	return NULL;
}

static const void *starting_at(const struct cwr_callee *list, size_t n, uint64_t address)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].start == address)
			return list[i].what;
	return NULL;
}

/* The bytes of the file at an address; NULL unless there are so many. */
static const unsigned char *bytes_at(Elf *elf, uint64_t address, size_t size)
{
	size_t nphdrs = 0, file_size;
	const char *file = elf_rawfile(elf, &file_size);
	GElf_Phdr phdr;

	if (!file || elf_getphdrnum(elf, &nphdrs) != 0)
		return NULL;
	for (size_t i = 0; i < nphdrs; i++) {
		uint64_t inside;

		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_LOAD ||
		    address < phdr.p_vaddr || address - phdr.p_vaddr >= phdr.p_filesz)
			continue;
		inside = address - phdr.p_vaddr;
		if (phdr.p_filesz - inside < size || phdr.p_offset > file_size ||
		    file_size - phdr.p_offset < inside + size)
			return NULL;
		return (const unsigned char *)file + phdr.p_offset + inside;
	}
	return NULL;
}

static uint64_t relative(uint64_t from, const unsigned char *bytes)
{
	int32_t distance;

	memcpy(&distance, bytes, sizeof(distance));
	return from + (uint64_t)(int64_t)distance;
}

/* The import behind an entry of the procedure linkage table. */
static const void *behind_stub(const struct cwr_callees *callees, uint64_t address)
{
	static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	const unsigned char *code = bytes_at(callees->elf, address, STUB_MAX);
	size_t at = 0;

	if (!code)
		return NULL;
	if (!memcmp(code, endbr64, sizeof(endbr64)))
		at += sizeof(endbr64);
	if (code[at] == 0xf2) /* bnd */
		at++;
	if (code[at] != 0xff || code[at + 1] != 0x25)
		return NULL;
	return starting_at(callees->imports, callees->nimports,
			   relative(address + at + CALL_WORD, code + at + 2));
}

static bool is_x86_64(Elf *elf)
{
	GElf_Ehdr ehdr;

	return gelf_getehdr(elf, &ehdr) && ehdr.e_machine == EM_X86_64;
}

const void *cwr_callees_called(const struct cwr_callees *callees, uint64_t return_address)
{
	const unsigned char *code = NULL;
	const void *what = NULL;

	if ((callees->nfunctions || callees->nimports) && is_x86_64(callees->elf))
		code = bytes_at(callees->elf, return_address - CALL_WORD, CALL_WORD);
	if (!code)
		return NULL;
	if (code[1] == 0xe8) {
		uint64_t target = relative(return_address, code + 2);

		what = starting_at(callees->functions, callees->nfunctions, target);
		if (!what)
			what = behind_stub(callees, target);
	}
	if (!what && code[0] == 0xff && code[1] == 0x15)
		what = starting_at(callees->imports, callees->nimports,
				   relative(return_address, code + 2));
	return what;
}
