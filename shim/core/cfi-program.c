/* SPDX-License-Identifier: MIT */
/*
 * Executes call frame instructions (DWARF 5, section 6.4.2; encodings, section 7.24), as far as
 * they matter for rsp, rbp and the return address.  Pure: reads its input and nothing else.
 */
#include "core/cfi-program.h"

#include <stddef.h>

#include "core/poison.h"

/* Registers by their DWARF numbers (System V ABI, AMD64 supplement, figure 3.36). */
enum { REG_BP = 6, REG_SP = 7, REG_RA = 16 };

enum { OP_BREG_BP = 0x76, OP_DEREF = 0x06 };

enum { REMEMBERED = 8 };

enum rule { UNSET, SAME, UNDEFINED, SAVED_AT_CFA, SAVED_AT_BP, STRANGE };

/* Rules are kept for the registers that matter, and in one more place for all others. */
enum { SLOT_BP, SLOT_RA, SLOT_SP, SLOT_REST, SLOTS };

struct row {
	enum cw_layout_kind cfa_kind; /* CW_LAYOUT_SP, _BP, _AT_BP or _OTHER */
	int64_t cfa;
	struct {
		enum rule rule;
		int64_t offset;
	} slot[SLOTS];
};

enum operand { NONE, U1, U2, U4, ULEB, SLEB, BLOCK };

enum action {
	UNKNOWN,
	IGNORE,
	ADVANCE,
	SAVE,
	SAVE_NEGATIVE,
	SAVE_EXPRESSION,
	RESTORE,
	FORGET,
	KEEP,
	MAKE_STRANGE,
	PUSH,
	POP,
	CFA,
	CFA_SIGNED,
	CFA_REGISTER,
	CFA_OFFSET,
	CFA_OFFSET_SIGNED,
	CFA_EXPRESSION
};

static const struct {
	uint8_t first, second, action;
} instructions[] = {
	[0x00] = {NONE, NONE, IGNORE},		  /* DW_CFA_nop */
	[0x02] = {U1, NONE, ADVANCE},		  /* advance_loc1 */
	[0x03] = {U2, NONE, ADVANCE},		  /* advance_loc2 */
	[0x04] = {U4, NONE, ADVANCE},		  /* advance_loc4 */
	[0x05] = {ULEB, ULEB, SAVE},		  /* offset_extended */
	[0x06] = {ULEB, NONE, RESTORE},		  /* restore_extended */
	[0x07] = {ULEB, NONE, FORGET},		  /* undefined */
	[0x08] = {ULEB, NONE, KEEP},		  /* same_value */
	[0x09] = {ULEB, ULEB, MAKE_STRANGE},	  /* register */
	[0x0a] = {NONE, NONE, PUSH},		  /* remember_state */
	[0x0b] = {NONE, NONE, POP},		  /* restore_state */
	[0x0c] = {ULEB, ULEB, CFA},		  /* def_cfa */
	[0x0d] = {ULEB, NONE, CFA_REGISTER},	  /* def_cfa_register */
	[0x0e] = {ULEB, NONE, CFA_OFFSET},	  /* def_cfa_offset */
	[0x0f] = {BLOCK, NONE, CFA_EXPRESSION},	  /* def_cfa_expression */
	[0x10] = {ULEB, BLOCK, SAVE_EXPRESSION},  /* expression */
	[0x11] = {ULEB, SLEB, SAVE},		  /* offset_extended_sf */
	[0x12] = {ULEB, SLEB, CFA_SIGNED},	  /* def_cfa_sf */
	[0x13] = {SLEB, NONE, CFA_OFFSET_SIGNED}, /* def_cfa_offset_sf */
	[0x14] = {ULEB, ULEB, MAKE_STRANGE},	  /* val_offset */
	[0x15] = {ULEB, SLEB, MAKE_STRANGE},	  /* val_offset_sf */
	[0x16] = {ULEB, BLOCK, MAKE_STRANGE},	  /* val_expression */
	[0x2e] = {ULEB, NONE, IGNORE},		  /* GNU_args_size */
	[0x2f] = {ULEB, ULEB, SAVE_NEGATIVE},	  /* GNU_negative_offset_extended */
};

enum { INSTRUCTIONS = sizeof(instructions) / sizeof(instructions[0]) };

struct machine {
	const struct cw_cfi_program *program;
	struct row row;
	struct row initial; /* after the CIE's instructions: what RESTORE goes back to */
	struct row remembered[REMEMBERED];
	unsigned int depth;
	uintptr_t at;
	bool is_bad;
};

struct operands {
	uint64_t value[2];
	struct cw_bytes block;
};

uint64_t cw_bytes_fixed(struct cw_bytes *bytes, unsigned int size)
{
	uint64_t value = 0;

	if ((size_t)(bytes->end - bytes->at) < size) {
		bytes->is_bad = true;
		bytes->at = bytes->end;
		return 0;
	}
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)bytes->at[i] << 8 * i;
	bytes->at += size;
	return value;
}

static uint64_t read_leb(struct cw_bytes *bytes, bool is_signed)
{
	uint64_t value = 0, byte;
	unsigned int shift = 0;

	do {
		byte = cw_bytes_fixed(bytes, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~(uint64_t)0 << shift;
	return value;
}

uint64_t cw_bytes_uleb(struct cw_bytes *bytes)
{
	return read_leb(bytes, false);
}

int64_t cw_bytes_sleb(struct cw_bytes *bytes)
{
	return (int64_t)read_leb(bytes, true);
}

/* Numbers in a damaged table may be of any size: this wraps. */
static int64_t times(uint64_t factor, int64_t align)
{
	return (int64_t)(factor * (uint64_t)align);
}

static unsigned int slot_of(uint64_t reg)
{
	if (reg == REG_BP)
		return SLOT_BP;
	if (reg == REG_RA)
		return SLOT_RA;
	return reg == REG_SP ? SLOT_SP : SLOT_REST;
}

static void set_rule(struct machine *machine, uint64_t reg, enum rule rule, int64_t offset)
{
	unsigned int slot = slot_of(reg);

	machine->row.slot[slot].rule = rule;
	machine->row.slot[slot].offset = offset;
}

/* rbp + offset: what a function that aligned the stack anew finds its things by. */
static bool is_based_on_bp(struct cw_bytes block, bool is_dereferenced, int64_t *ret_offset)
{
	if (cw_bytes_fixed(&block, 1) != OP_BREG_BP)
		return false;
	*ret_offset = cw_bytes_sleb(&block);
	if (is_dereferenced && cw_bytes_fixed(&block, 1) != OP_DEREF)
		return false;
	return !block.is_bad && block.at == block.end;
}

static void save_by_expression(struct machine *machine, uint64_t reg, struct cw_bytes block)
{
	int64_t offset;

	if (is_based_on_bp(block, false, &offset))
		set_rule(machine, reg, SAVED_AT_BP, offset);
	else
		set_rule(machine, reg, STRANGE, 0);
}

static void set_cfa_register(struct machine *machine, uint64_t reg)
{
	if (reg == REG_SP)
		machine->row.cfa_kind = CW_LAYOUT_SP;
	else
		machine->row.cfa_kind = reg == REG_BP ? CW_LAYOUT_BP : CW_LAYOUT_OTHER;
}

static void set_cfa(struct machine *machine, uint64_t reg, int64_t offset)
{
	set_cfa_register(machine, reg);
	machine->row.cfa = offset;
}

static void set_cfa_expression(struct machine *machine, struct cw_bytes block)
{
	bool is_known = is_based_on_bp(block, true, &machine->row.cfa);

	machine->row.cfa_kind = is_known ? CW_LAYOUT_AT_BP : CW_LAYOUT_OTHER;
}

static void restore_rule(struct machine *machine, uint64_t reg)
{
	unsigned int slot = slot_of(reg);

	machine->row.slot[slot] = machine->initial.slot[slot];
}

static void push(struct machine *machine)
{
	if (machine->depth == REMEMBERED)
		machine->is_bad = true;
	else
		machine->remembered[machine->depth++] = machine->row;
}

static void pop(struct machine *machine)
{
	if (machine->depth == 0)
		machine->is_bad = true;
	else
		machine->row = machine->remembered[--machine->depth];
}

static uint64_t read_operand(struct cw_bytes *bytes, unsigned int kind, struct cw_bytes *block)
{
	static const uint8_t size[] = {[U1] = 1, [U2] = 2, [U4] = 4};
	uint64_t length;

	if (kind <= U4)
		return kind ? cw_bytes_fixed(bytes, size[kind]) : 0;
	if (kind == SLEB)
		return (uint64_t)cw_bytes_sleb(bytes);
	length = cw_bytes_uleb(bytes);
	if (kind == ULEB)
		return length;
	if (length > (uint64_t)(bytes->end - bytes->at)) {
		bytes->is_bad = true;
		length = 0;
	}
	*block = (struct cw_bytes){.at = bytes->at, .end = bytes->at + length};
	bytes->at += length;
	return 0;
}

/* Reads one instruction.  The three most frequent have an operand in the opcode itself. */
static enum action decode(struct cw_bytes *bytes, struct operands *ret)
{
	unsigned int opcode = (unsigned int)cw_bytes_fixed(bytes, 1), low = opcode & 0x3f;

	ret->value[0] = low;
	switch (opcode >> 6) {
	case 1: /* DW_CFA_advance_loc */
		return ADVANCE;
	case 2: /* DW_CFA_offset */
		ret->value[1] = cw_bytes_uleb(bytes);
		return SAVE;
	case 3: /* DW_CFA_restore */
		return RESTORE;
	}
	if (low >= INSTRUCTIONS)
		return UNKNOWN;
	ret->value[0] = read_operand(bytes, instructions[low].first, &ret->block);
	ret->value[1] = read_operand(bytes, instructions[low].second, &ret->block);
	return instructions[low].action;
}

static void act_on_rules(struct machine *machine, enum action action, const struct operands *given)
{
	uint64_t reg = given->value[0];
	int64_t offset = times(given->value[1], machine->program->data_align);

	switch (action) {
	case SAVE:
		return set_rule(machine, reg, SAVED_AT_CFA, offset);
	case SAVE_NEGATIVE:
		return set_rule(machine, reg, SAVED_AT_CFA, times((uint64_t)offset, -1));
	case SAVE_EXPRESSION:
		return save_by_expression(machine, reg, given->block);
	case RESTORE:
		return restore_rule(machine, reg);
	case FORGET:
		return set_rule(machine, reg, UNDEFINED, 0);
	case KEEP:
		return set_rule(machine, reg, SAME, 0);
	case MAKE_STRANGE:
		return set_rule(machine, reg, STRANGE, 0);
	default:
		machine->is_bad = true;
	}
}

static void act(struct machine *machine, enum action action, const struct operands *given)
{
	int64_t align = machine->program->data_align;
	uint64_t first = given->value[0];

	switch (action) {
	case IGNORE:
		return;
	case ADVANCE:
		machine->at += first * machine->program->code_align;
		return;
	case PUSH:
		return push(machine);
	case POP:
		return pop(machine);
	case CFA:
		return set_cfa(machine, first, (int64_t)given->value[1]);
	case CFA_SIGNED:
		return set_cfa(machine, first, times(given->value[1], align));
	case CFA_REGISTER:
		return set_cfa_register(machine, first);
	case CFA_OFFSET:
		machine->row.cfa = (int64_t)first;
		return;
	case CFA_OFFSET_SIGNED:
		machine->row.cfa = times(first, align);
		return;
	case CFA_EXPRESSION:
		return set_cfa_expression(machine, given->block);
	default:
		act_on_rules(machine, action, given);
	}
}

static void run(struct machine *machine, struct cw_bytes bytes, uintptr_t pc)
{
	while (bytes.at < bytes.end && !machine->is_bad) {
		struct operands given = {0};
		enum action action = decode(&bytes, &given);

		act(machine, action, &given);
		machine->is_bad |= bytes.is_bad;
		if (machine->at > pc)
			return;
	}
}

static bool is_small(int64_t offset)
{
	return offset >= -(1 << 30) && offset <= 1 << 30;
}

static bool describe_bp(const struct row *row, struct cw_layout *layout)
{
	layout->bp = (int32_t)row->slot[SLOT_BP].offset;
	switch (row->slot[SLOT_BP].rule) {
	case UNSET:
	case SAME:
		layout->bp_rule = CW_BP_SAME;
		layout->bp = 0;
		return true;
	case SAVED_AT_CFA:
		layout->bp_rule = CW_BP_AT_CFA;
		return is_small(row->slot[SLOT_BP].offset);
	case SAVED_AT_BP:
		layout->bp_rule = CW_BP_AT_BP;
		return is_small(row->slot[SLOT_BP].offset);
	default:
		return false;
	}
}

static struct cw_layout describe(const struct row *row)
{
	struct cw_layout layout = {.kind = row->cfa_kind, .cfa = (int32_t)row->cfa};

	if (row->slot[SLOT_RA].rule == UNDEFINED)
		return (struct cw_layout){.kind = CW_LAYOUT_END};
	if (row->slot[SLOT_RA].rule != SAVED_AT_CFA || row->slot[SLOT_RA].offset != -8 ||
	    row->slot[SLOT_SP].rule != UNSET || !is_small(row->cfa) || !describe_bp(row, &layout))
		return (struct cw_layout){.kind = CW_LAYOUT_OTHER};
	return layout;
}

struct cw_layout cw_cfi_execute(const struct cw_cfi_program *program, uintptr_t pc)
{
	struct machine machine = {.program = program, .row.cfa_kind = CW_LAYOUT_OTHER};

	run(&machine, program->common, UINTPTR_MAX);
	machine.initial = machine.row;
	machine.at = program->start;
	run(&machine, program->own, pc);
	if (machine.is_bad)
		return (struct cw_layout){.kind = CW_LAYOUT_OTHER};
	return describe(&machine.row);
}
