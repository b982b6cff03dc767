/* SPDX-License-Identifier: MIT */
/*
 * Which frame of a stack stands for the place in the program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/site.h"

enum { FRAMES_MAX = 8 };

/* A stack, innermost frame first; a frame is {.module, .file}, and ends with module NULL. */
static size_t index_of(struct cwr_frame frames[])
{
	struct cwr_stack stack = {.frames = frames};

	while (stack.nframes < FRAMES_MAX && frames[stack.nframes].module)
		stack.nframes++;
	return cwr_site_index(&stack);
}

#define INDEX_OF(...) index_of((struct cwr_frame[FRAMES_MAX + 1]){__VA_ARGS__})
#define FRAME(m, f)                        \
	{                                  \
		.module = (m), .file = (f) \
	}

static void test_innermost_frame_with_a_source_line(void **state)
{
	assert_int_equal(INDEX_OF(FRAME("/srv", "/src/a.c"), FRAME("/srv", "/src/b.c")), 0);
	assert_int_equal(INDEX_OF(FRAME("/lib/libc.so.6", "x.c"), FRAME("/srv", "/src/b.c")), 1);
	assert_int_equal(INDEX_OF(FRAME("/lib/libevent.so", NULL), FRAME("/srv", "/src/b.c")), 1);
}

static void test_frames_without_lines(void **state)
{
	assert_int_equal(INDEX_OF(FRAME("/lib/libc.so.6", "x.c"), FRAME("/srv", NULL)), 1);
	assert_int_equal(INDEX_OF(FRAME("/srv", NULL), FRAME("/srv", NULL)), 0);
	assert_int_equal(INDEX_OF(FRAME("/lib/libc.so.6", "x.c"), FRAME("/lib/ld-linux.so", NULL)),
			 0);
	assert_int_equal(INDEX_OF(FRAME(NULL, NULL)), 0);
}

static void test_standard_library_of_rust_is_passed_over(void **state)
{
	assert_int_equal(
		INDEX_OF(FRAME("/srv", "library/std/src/sys/net/connection/socket/unix.rs"),
			 FRAME("/srv", "/rustc/59807616e1/library/core/src/ops/function.rs"),
			 FRAME("/srv", "/build/.cargo/registry/src/index.crates.io-1/mio/tcp.rs"),
			 FRAME("/srv", "/build/srv/src/main.rs"),
			 FRAME("/srv", "/rustc/59807616e1/library/std/src/rt.rs")),
		3);
}

/* Its lines are in the program as shipped; those of the program are there only with -g. */
static void test_own_code_without_lines_is_better_than_a_library_with(void **state)
{
	assert_int_equal(INDEX_OF(FRAME("/srv", "library/std/src/net/tcp.rs"), FRAME("/srv", NULL)),
			 1);
}

static void test_headers_are_passed_over(void **state)
{
	assert_int_equal(INDEX_OF(FRAME("/srv", "/usr/include/x86_64-linux-gnu/bits/socket2.h"),
				  FRAME("/srv", "/src/server.c")),
			 1);
	assert_int_equal(INDEX_OF(FRAME("/srv", "/usr/lib/llvm-14/include/c++/v1/functional"),
				  FRAME("/srv", "/usr/include/boost/asio/read.hpp"),
				  FRAME("/srv", "/src/server.cc")),
			 2);
	assert_int_equal(
		INDEX_OF(FRAME("/srv", "./otherlibs/unix/unix.ml"), FRAME("/srv", "srv.ml")), 1);
}

static void test_a_library_is_better_than_nothing(void **state)
{
	assert_int_equal(INDEX_OF(FRAME("/lib/libc.so.6", "x.c"),
				  FRAME("/srv", "library/std/src/net/tcp.rs"),
				  FRAME("/lib/libc.so.6", "y.c")),
			 1);
}

/* The program's own directories may be called like that. */
static void test_own_code_with_such_a_name_is_own_code(void **state)
{
	struct cwr_frame own = FRAME("/srv", "/build/library/std/src/pool.c");

	assert_false(cwr_site_is_library(&own));
	own.file = "include/c++.c";
	assert_false(cwr_site_is_library(&own));
	own.file = NULL;
	assert_false(cwr_site_is_library(&own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_innermost_frame_with_a_source_line),
		cmocka_unit_test(test_frames_without_lines),
		cmocka_unit_test(test_standard_library_of_rust_is_passed_over),
		cmocka_unit_test(test_own_code_without_lines_is_better_than_a_library_with),
		cmocka_unit_test(test_headers_are_passed_over),
		cmocka_unit_test(test_own_code_with_such_a_name_is_own_code),
		cmocka_unit_test(test_a_library_is_better_than_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
