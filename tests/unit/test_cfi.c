/* SPDX-License-Identifier: MIT */
/*
 * Reading call frame information: made tables, each instruction's effect, and that damage of any
 * kind is noticed and nothing outside is read (under the address sanitizer).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cfi.h"

/* Offsets in the made object, whose code is in front: header with a table of one entry, CIE, FDE.
 */
enum { HDR = 0, TABLE = 12, CIE = 20, FDE = 44, SIZE = 84, CODE = -128, CODE_SIZE = 100 };

static const uint8_t cie[] = {
	20,   0,   0, 0,    0,	  0,  0, 0,    1,
	'z',  'R', 0, 1,    0x78, 16, 1, 0x1b, /* alignments 1 and -8, column 16, addresses pcrel
						  sdata4 */
	0x0c, 7,   8, 0x90, 1,	  0,  0,       /* CFA = rsp + 8, return address at CFA - 8 */
};

static void put32(uint8_t *at, int32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* The object is exactly as large as what is in it. */
static uint8_t *make(const uint8_t *program, size_t size)
{
	uint8_t *made = calloc(1, SIZE - CODE), *object = made - CODE;

	assert_non_null(made);
	assert_true(size <= SIZE - FDE - 17);
	memcpy(object, (const uint8_t[]){1, 0x1b, 0x03, 0x3b}, 4);
	put32(object + 4, CIE - 4);
	put32(object + 8, 1);
	put32(object + TABLE, CODE);
	put32(object + TABLE + 4, FDE);
	memcpy(object + CIE, cie, sizeof(cie));
	put32(object + FDE, SIZE - FDE - 4);
	put32(object + FDE + 4, FDE + 4 - CIE);
	put32(object + FDE + 8, CODE - (FDE + 8));
	put32(object + FDE + 12, CODE_SIZE);
	memcpy(object + FDE + 17, program, size);
	return object;
}

static struct cw_layout layout_of(const uint8_t *made, size_t offset)
{
	struct cw_object object = {
		.start = (uintptr_t)made + CODE,
		.end = (uintptr_t)made + CODE + CODE_SIZE,
		.eh_frame_hdr = made,
		.data_start = (uintptr_t)made,
		.data_end = (uintptr_t)made + SIZE,
	};

	return cw_cfi_layout(&object, (uintptr_t)made + CODE + offset);
}

static struct cw_layout run(const uint8_t *program, size_t size, size_t offset)
{
	uint8_t *object = make(program, size);
	struct cw_layout layout = layout_of(object, offset);

	free(object + CODE);
	return layout;
}

#define RUN(offset, ...) \
	run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), offset)

static void assert_layout(struct cw_layout layout, enum cw_layout_kind kind, int cfa,
			  enum cw_layout_bp rule, int bp)
{
	assert_int_equal(layout.kind, kind);
	assert_int_equal(layout.cfa, cfa);
	assert_int_equal(layout.bp_rule, rule);
	assert_int_equal(layout.bp, bp);
}

/* push %rbp; mov %rsp,%rbp: at each step */
#define PROLOGUE 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6

static void test_prologue(void **state)
{
	assert_layout(RUN(0, PROLOGUE), CW_LAYOUT_SP, 8, CW_BP_SAME, 0);
	assert_layout(RUN(1, PROLOGUE), CW_LAYOUT_SP, 16, CW_BP_AT_CFA, -16);
	assert_layout(RUN(3, PROLOGUE), CW_LAYOUT_SP, 16, CW_BP_AT_CFA, -16);
	assert_layout(RUN(4, PROLOGUE), CW_LAYOUT_BP, 16, CW_BP_AT_CFA, -16);
}

static void test_states_are_remembered(void **state)
{
	assert_layout(RUN(6, PROLOGUE, 0x41, 0x0a, 0xc6, 0x0c, 7, 8, 0x41, 0x0b), CW_LAYOUT_BP, 16,
		      CW_BP_AT_CFA, -16);
	assert_layout(RUN(5, PROLOGUE, 0x41, 0x0a, 0xc6, 0x0c, 7, 8, 0x41, 0x0b), CW_LAYOUT_SP, 8,
		      CW_BP_SAME, 0);
	assert_int_equal(RUN(1, 0x0b).kind, CW_LAYOUT_OTHER);
}

static void test_advances(void **state)
{
	assert_int_equal(RUN(9, 0x02, 10, 0x0e, 32).cfa, 8);
	assert_int_equal(RUN(10, 0x02, 10, 0x0e, 32).cfa, 32);
	assert_int_equal(RUN(10, 0x03, 10, 0, 0x0e, 32).cfa, 32);
	assert_int_equal(RUN(10, 0x04, 10, 0, 0, 0, 0x0e, 0xa0, 0x01).cfa, 160);
}

/* A realigned stack: CFA = *(rbp - 8), rbp saved at rbp. */
static void test_expressions_that_are_known(void **state)
{
	assert_layout(RUN(0, 0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0), CW_LAYOUT_AT_BP, -8,
		      CW_BP_AT_BP, 0);
}

static void test_the_end(void **state)
{
	assert_int_equal(RUN(0, 0x07, 16).kind, CW_LAYOUT_END);
}

static void test_what_is_left_to_libunwind(void **state)
{
	assert_int_equal(RUN(0, 0x0c, 3, 8).kind, CW_LAYOUT_OTHER); /* CFA by rbx */
	assert_int_equal(RUN(0, 0x0f, 3, 0x77, 8, 0x06).kind,
			 CW_LAYOUT_OTHER);			    /* by an expression */
	assert_int_equal(RUN(0, 0x09, 6, 3).kind, CW_LAYOUT_OTHER); /* rbp in rbx */
	assert_int_equal(RUN(0, 0x90, 2).kind, CW_LAYOUT_OTHER);    /* return address elsewhere */
	assert_int_equal(RUN(0, 0x87, 3).kind, CW_LAYOUT_OTHER);    /* rsp saved */
	assert_int_equal(RUN(0, 0x14, 6, 3).kind, CW_LAYOUT_OTHER); /* val_offset */
	assert_int_equal(RUN(0, 0x3f).kind, CW_LAYOUT_OTHER);	    /* unknown */
	assert_int_equal(RUN(CODE_SIZE, PROLOGUE).kind, CW_LAYOUT_OTHER); /* behind the function */
}

static void test_other_registers_do_not_matter(void **state)
{
	assert_layout(RUN(0, 0x83, 3, 0x8c, 4, 0x10, 12, 2, 0x77, 8, 0x08, 13, 0x2e, 16),
		      CW_LAYOUT_SP, 8, CW_BP_SAME, 0);
}

static void test_packing(void **state)
{
	struct cw_layout layout = {CW_LAYOUT_BP, CW_BP_AT_CFA, 2 << 20, -131072};

	assert_memory_equal(&layout,
			    &(struct cw_layout[]){cw_layout_unpack(cw_layout_pack(&layout))},
			    sizeof(layout));
	layout.cfa = -8;
	layout.bp = 8;
	assert_memory_equal(&layout,
			    &(struct cw_layout[]){cw_layout_unpack(cw_layout_pack(&layout))},
			    sizeof(layout));
	layout.cfa = 12;
	assert_int_equal(cw_layout_pack(&layout), CW_LAYOUT_OTHER);
	layout.cfa = 4 << 20;
	assert_int_equal(cw_layout_pack(&layout), CW_LAYOUT_OTHER);
}

/* Each byte takes each value: whatever comes out, it ends and stays inside. */
static void test_damage(void **state)
{
	static const uint8_t program[] = {PROLOGUE, 0x0a, 0x0f, 3,    0x76, 0x78, 0x06,
					  0x10,	    6,	  2,	0x76, 0,    0x0b};
	uint8_t *object = make(program, sizeof(program));
	unsigned int undamaged = 0;

	for (size_t at = 0; at < SIZE; at++) {
		uint8_t kept = object[at];

		for (int value = 0; value < 256; value++) {
			object[at] = (uint8_t)value;
			undamaged += layout_of(object, 50).kind == CW_LAYOUT_BP;
		}
		object[at] = kept;
	}
	assert_in_range(undamaged, SIZE, SIZE * 256 / 2);
	free(object + CODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prologue),
		cmocka_unit_test(test_states_are_remembered),
		cmocka_unit_test(test_advances),
		cmocka_unit_test(test_expressions_that_are_known),
		cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_what_is_left_to_libunwind),
		cmocka_unit_test(test_other_registers_do_not_matter),
		cmocka_unit_test(test_packing),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
