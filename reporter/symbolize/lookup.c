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
#include <string.h>

struct lookup {
	const struct cwr_object *object;
	uint64_t pc;
	uint64_t dwarf_pc; /* pc in the terms of the debug file */
	Dwarf_Die unit;
	const char *file;
	unsigned int line;
	bool is_done; /* the function that encloses all has been emitted */
	cwr_position_fn visit;
	void *context;
	char name[1024]; /* one that had to be put together */
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

/* DIEs that have no addresses of their own, but children which may have. */
static bool is_surrounding(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_module;
}

/* Prepends "name::" to the text that starts at `at`; returns where it starts now. */
static char *prepend(char *start, char *at, const char *name)
{
	size_t length = strlen(name);

	if ((size_t)(at - start) < length + 2)
		return at;
	at = memcpy(at - 2, "::", 2);
	return memcpy(at - length, name, length);
}

static const char *surrounding_name(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return name || dwarf_tag(die) != DW_TAG_namespace ? name : "(anonymous namespace)";
}

/* The DIE where a function was declared, which is the one that stands in its class. */
static void go_to_declaration(Dwarf_Die *die)
{
	static const unsigned int links[] = {DW_AT_abstract_origin, DW_AT_specification};
	Dwarf_Attribute attribute;
	Dwarf_Die next;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (dwarf_attr(die, links[i], &attribute) && dwarf_formref_die(&attribute, &next))
			*die = next;
}

/* The plain name with the classes and namespaces around it, as demangling would give it. */
static const char *qualify(struct lookup *lookup, Dwarf_Die die, const char *name)
{
	char *at = lookup->name + sizeof(lookup->name) - strlen(name) - 1;
	Dwarf_Die *scopes = NULL;
	int nscopes;

	if (strlen(name) >= sizeof(lookup->name))
		return name;
	strcpy(at, name);
	go_to_declaration(&die);
	nscopes = dwarf_getscopes_die(&die, &scopes);
	for (int i = 1; i < nscopes && is_surrounding(dwarf_tag(&scopes[i])); i++)
		if (surrounding_name(&scopes[i]))
			at = prepend(lookup->name, at, surrounding_name(&scopes[i]));
	free(scopes);
	return at;
}

/* The linkage name, which demangling turns into the full one.  Local functions have none. */
static const char *name_of(struct lookup *lookup, Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (name)
		return name;
	name = dwarf_diename(die);
	return name ? qualify(lookup, *die, name) : NULL;
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

static void emit_scope(struct lookup *lookup, Dwarf_Die *die)
{
	const char *name;

	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
		name = name_of(lookup, die);
		emit(lookup, name ? name : symbol_at(lookup), false);
		lookup->is_done = true;
		break;
	case DW_TAG_inlined_subroutine:
		emit(lookup, name_of(lookup, die), true);
		go_to_caller(lookup, die);
		break;
	default:
		break;
	}
}

/*
 * Emits the functions below this DIE that enclose the address, innermost first; returns whether
 * there are any.  dwarf_getscopes() would do, but it does not look into the namespaces that clang
 * puts its functions in.
 */
static bool emit_scopes_below(struct lookup *lookup, Dwarf_Die *parent)
{
	Dwarf_Die die;
	int end = dwarf_child(parent, &die);

	for (; end == 0; end = dwarf_siblingof(&die, &die)) {
		if (dwarf_haspc(&die, lookup->dwarf_pc) > 0) {
			emit_scopes_below(lookup, &die);
			emit_scope(lookup, &die);
			return true;
		}
		if (is_surrounding(dwarf_tag(&die)) && emit_scopes_below(lookup, &die))
			return true;
	}
	return false;
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
		emit_scopes_below(&lookup, &lookup.unit);
	}
	if (!lookup.is_done)
		emit(&lookup, symbol_at(&lookup), false);
}
