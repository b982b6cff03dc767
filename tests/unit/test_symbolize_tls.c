/* SPDX-License-Identifier: MIT */
/*
 * Stacks of this very program, which has functions with the names of a TLS library, are told to be
 * in it by the call that was made, by the function that they are in, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <link.h>
#include <unistd.h>

#include "symbolize/tls.h"

int SSL_shutdown(void *ssl);
int SSL_read(void *ssl);
int SSL_reader(void *ssl);

/* As OpenSSL's: nothing of it is left on the stack when the method runs. */
__attribute__((noinline)) int SSL_shutdown(void *ssl)
{
	*(void **)ssl = __builtin_return_address(0);
	return 1;
}

/* Another name that only starts alike. */
__attribute__((noinline)) int SSL_reader(void *ssl)
{
	*(void **)ssl = __builtin_return_address(0);
	return 2;
}

static __attribute__((noinline)) int read_some(void *ssl)
{
	*(void **)ssl = __builtin_return_address(0);
	return 3;
}

__attribute__((noinline)) int SSL_read(void *ssl)
{
	return read_some(ssl) + 1;
}

static int find_self(struct dl_phdr_info *info, size_t size, void *data)
{
	struct cwr_module *module = data;

	module->bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			module->end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
				      info->dlpi_phdr[i].p_memsz;
	module->start = info->dlpi_addr;
	return 1; /* the program comes first (dl_iterate_phdr(3)) */
}

static struct cwr_stack *look_at(struct cwr_model *model, const void *address)
{
	struct cwr_process *process = cwr_model_add_process(model, getpid());
	struct cwr_stack *stack = cwr_model_alloc(model, sizeof(*stack));

	process->modules = cwr_model_alloc(model, sizeof(*process->modules));
	process->nmodules = 1;
	dl_iterate_phdr(find_self, process->modules);
	process->modules->path = "/proc/self/exe";
	stack->process = process;
	stack->nips = 1;
	stack->ips = cwr_model_alloc(model, sizeof(*stack->ips));
	stack->ips[0] = (uint64_t)(uintptr_t)address;
	cwr_symbolize_tls_stack(model, stack);
	return stack;
}

static void assert_call(const void *address, enum cwr_tls phase, const char *name)
{
	struct cwr_model *model = cwr_model_new();
	const struct cwr_stack *stack = look_at(model, address);

	assert_int_equal(stack->tls, phase);
	if (name)
		assert_string_equal(stack->tls_call, name);
	else
		assert_null(stack->tls_call);
	cwr_model_free(model);
}

static void test_by_the_call(void **state)
{
	void *address = NULL;

	if (SSL_shutdown(&address) != 1)
		fail();
	assert_call(address, CWR_TLS_SHUTDOWN, "SSL_shutdown");
}

static void test_by_the_function(void **state)
{
	void *address = NULL;

	if (SSL_read(&address) != 4)
		fail();
	assert_call(address, CWR_TLS_READ, "SSL_read");
}

static void test_neither(void **state)
{
	void *address = NULL;

	if (SSL_reader(&address) != 2)
		fail();
	assert_call(address, CWR_TLS_NONE, NULL);
	assert_call((const void *)16, CWR_TLS_NONE, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_the_call),
		cmocka_unit_test(test_by_the_function),
		cmocka_unit_test(test_neither),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
