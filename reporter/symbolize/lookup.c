/* SPDX-License-Identifier: MIT */
/*
 * One address of an object to source positions.  The innermost line comes from the line table, the
 * callers of inlined code from the chain of DW_TAG_inlined_subroutine around the address, whose
 * call_file and call_line say where each was inlined (DWARF 5, section 3.3.8.2).  Without DWARF
 * the symbol table still gives the function.
 */
#include "symbolize/object.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

struct lookup {
	const struct cwr_object *object;
	uint64_t pc;
	uint64_t dwarf_pc; /* pc in the terms of the debug file */
	Dwarf_Die unit;
	const char *file;
	unsigned int line;
	cwr_position_fn visit;
	void *context;
};

/* clang writes no .debug_aranges, so what that index does not know is looked for unit by unit. */
static bool find_unit(struct lookup *lookup)
{
	Dwfl_Module *module = lookup->object->module;
	Dwarf_Addr bias;
	Dwarf_Die *unit = dwfl_module_addrdie(module, lookup->pc, &bias);

	while (!unit || dwarf_haspc(unit, lookup->pc - bias) <= 0) {
		unit = dwfl_module_nextcu(module, unit, &bias);
		if (!unit)
			return false;
	}
	lookup->unit = *unit;
	lookup->dwarf_pc = lookup->pc - bias;
	return true;
}

static void find_line(struct lookup *lookup)
{
	Dwarf_Line *line = dwarf_getsrc_die(&lookup->unit, lookup->dwarf_pc);
	int number = 0;

	if (!line)
		return;
	lookup->file = dwarf_linesrc(line, NULL, NULL);
	if (dwarf_lineno(line, &number) == 0 && number > 0)
		lookup->line = (unsigned int)number;
}

/* The linkage name, which demangling turns into the full name, or else the plain one. */
static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	return name ? name : dwarf_diename(die);
}

static const char *symbol_at(const struct lookup *lookup)
{
	return dwfl_module_addrname(lookup->object->module, lookup->pc);
}

static void emit(const struct lookup *lookup, const char *function, bool inlined)
{
	const struct cwr_position position = {
		.function = function,
		.file = lookup->file,
		.line = lookup->line,
		.inlined = inlined,
	};

	lookup->visit(&position, lookup->context);
}

/* Moves on to the place where the code of this inlined subroutine was called. */
static void go_to_caller(struct lookup *lookup, Dwarf_Die *inlined)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	size_t nfiles;

	lookup->file = NULL;
	lookup->line = 0;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
	    dwarf_getsrcfiles(&lookup->unit, &files, &nfiles) == 0 && file < nfiles)
		lookup->file = dwarf_filesrc(files, file, NULL, NULL);
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0)
		lookup->line = (unsigned int)line;
}

/* Walks outwards over the DIEs that enclose the address; false if no function is among them. */
static bool emit_chain(struct lookup *lookup, Dwarf_Die *scopes, int nscopes)
{
	for (int i = 0; i < nscopes; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag == DW_TAG_subprogram) {
			const char *name = name_of(&scopes[i]);

			emit(lookup, name ? name : symbol_at(lookup), false);
			return true;
		}
		if (tag == DW_TAG_inlined_subroutine) {
			emit(lookup, name_of(&scopes[i]), true);
			go_to_caller(lookup, &scopes[i]);
		}
	}
	return false;
}

/*
 * dwarf_getscopes() continues with the definition's surroundings once it meets inlined code, so
 * it serves to find the innermost DIE only; dwarf_getscopes_die() gives those around it.
 */
static bool emit_functions(struct lookup *lookup)
{
	Dwarf_Die *innermost = NULL, *scopes = NULL;
	int nscopes = 0;

	if (dwarf_getscopes(&lookup->unit, lookup->dwarf_pc, &innermost) > 0)
		nscopes = dwarf_getscopes_die(&innermost[0], &scopes);
	bool is_done = emit_chain(lookup, scopes, nscopes);
	free(scopes);
	free(innermost);
	return is_done;
}

void cwr_object_look_up(const struct cwr_object *object, uint64_t pc, cwr_position_fn visit,
			void *context)
{
	struct lookup lookup = {.object = object, .pc = pc, .visit = visit, .context = context};

	if (!object->module) {
		emit(&lookup, NULL, false);
		return;
	}
	if (find_unit(&lookup)) {
		find_line(&lookup);
		if (emit_functions(&lookup))
			return;
	}
	emit(&lookup, symbol_at(&lookup), false);
}
