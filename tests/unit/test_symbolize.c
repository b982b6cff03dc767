/* SPDX-License-Identifier: MIT */
/*
 * Addresses of this very program and of the library symbols.so, in its three forms, come back as
 * the functions and lines that the compiler says they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbolize/symbolize.h"
#include "symbols.h"

/* A model of this process, with one module and one address in it. */
struct fixture {
	struct cwr_model *model;
	struct cwr_process *process;
	struct cwr_module module;
	struct cwr_stack stack;
	uint64_t ip;
};

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->model = cwr_model_new();
	fixture->process = cwr_model_add_process(fixture->model, getpid());
	fixture->process->modules = &fixture->module;
	fixture->process->nmodules = 1;
	fixture->stack.process = fixture->process;
	fixture->stack.ips = &fixture->ip;
	fixture->stack.nips = 1;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	cwr_model_free(fixture->model);
	free(fixture);
	return 0;
}

static void symbolize(struct fixture *fixture, const char *debug_path)
{
	struct cwr_symbolizer *symbolizer = cwr_symbolizer_new(fixture->model, debug_path);

	cwr_symbolize_stack(symbolizer, &fixture->stack);
	cwr_symbolizer_free(symbolizer);
}

struct wanted {
	uint64_t address;
	struct cwr_module *module;
};

/* Describes the mapped object that holds an address, as the shim does. */
static int describe(struct dl_phdr_info *info, size_t size, void *data)
{
	struct wanted *wanted = data;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		uint64_t end = start + info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type != PT_LOAD || wanted->address < start ||
		    wanted->address >= end)
			continue;
		wanted->module->bias = info->dlpi_addr;
		wanted->module->start = start;
		wanted->module->end = end;
		return 1;
	}
	return 0;
}

static void use_address(struct fixture *fixture, const void *address, const char *path)
{
	struct wanted wanted = {(uint64_t)(uintptr_t)address, &fixture->module};

	fixture->ip = wanted.address;
	fixture->module.path = path;
	assert_int_equal(dl_iterate_phdr(describe, &wanted), 1);
}

static void assert_frame(const struct cwr_frame *frame, const char *function, const char *file,
			 unsigned int line, bool inlined)
{
	assert_string_equal(frame->function, function);
	assert_string_equal(base_name(frame->file), file);
	assert_int_equal(frame->line, line);
	assert_int_equal(frame->inlined, inlined);
}

static __attribute__((noinline)) void *own_address(void)
{
	return __builtin_return_address(0);
}

static void test_own_function_and_line(void **state)
{
	struct fixture *fixture = *state;
	char path[PATH_MAX] = "";

	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	use_address(fixture, own_address(), path);
	symbolize(fixture, NULL);
	assert_int_equal(fixture->stack.nframes, 1);
	assert_frame(&fixture->stack.frames[0], __func__, base_name(__FILE__), __LINE__ - 3, false);
	assert_string_equal(fixture->stack.frames[0].module, path);
	assert_int_equal(fixture->stack.frames[0].ip, fixture->ip);
	assert_int_equal(fixture->stack.frames[0].offset, fixture->ip - fixture->module.bias);
}

static void test_deleted_program_of_the_living_is_read_through_proc(void **state)
{
	struct fixture *fixture = *state;

	use_address(fixture, own_address(), "/nonexistent/program");
	fixture->process->exe = "/nonexistent/program";
	fixture->process->is_alive = true;
	symbolize(fixture, NULL);
	assert_int_equal(fixture->stack.nframes, 1);
	assert_string_equal(fixture->stack.frames[0].function, __func__);
	assert_string_equal(fixture->stack.frames[0].module, "/nonexistent/program");
	assert_int_equal(fixture->process->nlimits, 0);
}

/* Loads one form of the library and points the fixture at the address that it tells of. */
static struct symbols_truth load(struct fixture *fixture, const char *path)
{
	struct symbols_truth truth = {0};
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	symbols_probe_fn probe;

	assert_non_null(library);
	probe = (symbols_probe_fn)(uintptr_t)dlsym(library, "symbols_probe");
	assert_non_null(probe);
	probe(&truth);
	use_address(fixture, truth.address, path);
	return truth;
}

static void assert_inlined_chain(const struct fixture *fixture, const struct symbols_truth *truth)
{
	const struct cwr_frame *frames = fixture->stack.frames;

	assert_int_equal(fixture->stack.nframes, 3);
	assert_frame(&frames[0], "shop::(anonymous namespace)::Cart::add", "symbols.cc",
		     truth->inner_line, true);
	assert_frame(&frames[1], "shop::(anonymous namespace)::Cart::fill", "symbols.cc",
		     truth->middle_line, true);
	assert_frame(&frames[2], "shop::checkout", "symbols.cc", truth->outer_line, false);
}

static void test_inlined_calls_are_demangled_frames(void **state)
{
	struct fixture *fixture = *state;
	struct symbols_truth truth = load(fixture, SYMBOLS_FULL);

	symbolize(fixture, NULL);
	assert_inlined_chain(fixture, &truth);
	assert_int_equal(fixture->process->nlimits, 0);
}

static void test_debug_file_is_found_by_build_id(void **state)
{
	struct fixture *fixture = *state;
	struct symbols_truth truth = load(fixture, SYMBOLS_BARE);

	symbolize(fixture, SYMBOLS_DEBUG);
	assert_inlined_chain(fixture, &truth);
}

static void test_without_debug_file_the_symbol_table_speaks(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, SYMBOLS_BARE);
	symbolize(fixture, NULL);
	assert_int_equal(fixture->stack.nframes, 1);
	assert_string_equal(fixture->stack.frames[0].function, "shop::checkout");
	assert_null(fixture->stack.frames[0].file);
	assert_int_equal(fixture->stack.frames[0].line, 0);
}

static void test_file_that_was_replaced_is_not_asked(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, SYMBOLS_FULL);
	fixture->module.build_id = "00112233445566778899aabbccddeeff00112233";
	symbolize(fixture, NULL);
	assert_int_equal(fixture->stack.nframes, 1);
	assert_null(fixture->stack.frames[0].function);
	assert_null(fixture->stack.frames[0].file);
	assert_string_equal(fixture->stack.frames[0].module, SYMBOLS_FULL);
	assert_int_equal(fixture->process->nlimits, 1);
	assert_non_null(strstr(fixture->process->limits[0], SYMBOLS_FULL));
}

static void test_missing_file_leaves_module_and_offset(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, SYMBOLS_FULL);
	fixture->module.path = "/nonexistent/library.so";
	symbolize(fixture, NULL);
	assert_int_equal(fixture->stack.nframes, 1);
	assert_null(fixture->stack.frames[0].function);
	assert_string_equal(fixture->stack.frames[0].module, "/nonexistent/library.so");
	assert_int_equal(fixture->stack.frames[0].offset, fixture->ip - fixture->module.bias);
	assert_int_equal(fixture->process->nlimits, 1);
}

static void test_address_in_no_module(void **state)
{
	struct fixture *fixture = *state;

	fixture->ip = 0x1234;
	symbolize(fixture, NULL);
	assert_int_equal(fixture->stack.nframes, 1);
	assert_null(fixture->stack.frames[0].module);
	assert_int_equal(fixture->stack.frames[0].ip, 0x1234);
	assert_int_equal(fixture->process->nlimits, 0);
}

static void test_findings_get_their_frames_and_nothing_is_fetched(void **state)
{
	struct fixture *fixture = *state;
	struct cwr_finding finding = {0};
	struct symbols_truth truth = load(fixture, SYMBOLS_FULL);

	finding.evidence[CWR_EV_EOF].stack = &fixture->stack;
	fixture->model->findings = &finding;
	assert_int_equal(setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9", 1), 0);
	assert_null(cwr_symbolize_findings(fixture->model));
	assert_inlined_chain(fixture, &truth);
	assert_string_equal(getenv("DEBUGINFOD_URLS"), "http://127.0.0.1:9");
	fixture->model->findings = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_own_function_and_line),
		TEST(test_deleted_program_of_the_living_is_read_through_proc),
		TEST(test_inlined_calls_are_demangled_frames),
		TEST(test_debug_file_is_found_by_build_id),
		TEST(test_without_debug_file_the_symbol_table_speaks),
		TEST(test_file_that_was_replaced_is_not_asked),
		TEST(test_missing_file_leaves_module_and_offset),
		TEST(test_address_in_no_module),
		TEST(test_findings_get_their_frames_and_nothing_is_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
