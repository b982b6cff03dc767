/* SPDX-License-Identifier: MIT */
/*
 * The teardown of interpreters is known by the function that it runs in, and is looked for on the
 * stack whenever a tracked descriptor is closed.  Who embeds an interpreter may end that and live
 * on, so it must be one that the process itself ends with.
 *
 * CPython (Python/pylifecycle.c): Py_RunMain() and Py_Exit() finalize the interpreter, which
 * destroys all modules, and then return from main or call exit().  Before that they run for the
 * whole life of the program, so a flag of the interpreter is asked first.
 * Perl (perl.c): perl_destruct() runs END blocks and destroys all objects; main returns after it.
 */
#include "trigger/teardown.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#include "core/thread.h"
#include "core/unwind.h"
#include "track/events.h"
#include "trigger/exit.h"

#include "core/poison.h"

struct range {
	uintptr_t start, end;
};

enum { FUNCTIONS_MAX = 2 };

static const struct interpreter {
	const char *flag; /* int (void): is it being torn down?  NULL: there is none */
	const char *functions[FUNCTIONS_MAX];
} interpreters[] = {
	{"Py_IsFinalizing", {"Py_RunMain", "Py_Exit"}},	 /* since 3.13 */
	{"_Py_IsFinalizing", {"Py_RunMain", "Py_Exit"}}, /* before */
	{NULL, {"perl_destruct"}},
};

static int (*is_finalizing)(void);
static struct range ranges[FUNCTIONS_MAX];

static struct range find_function(const char *name)
{
	void *start = name ? dlsym(RTLD_DEFAULT, name) : NULL;
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!start || !dladdr1(start, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
		return (struct range){0};
	return (struct range){(uintptr_t)start, (uintptr_t)start + symbol->st_size};
}

static bool is_inside(void)
{
	uint64_t ips[CW_STACK_FRAMES_MAX];
	uint16_t flags = 0;
	size_t n = cw_unwind(ips, CW_STACK_FRAMES_MAX, &flags, NULL);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < FUNCTIONS_MAX; j++)
			if (ips[i] > ranges[j].start && ips[i] <= ranges[j].end)
				return true;
	return false;
}

/* The status that the program ends with is not known yet; exit() or main's return brings it. */
static void on_close(void)
{
	if (is_finalizing && !is_finalizing())
		return;
	if (is_inside())
		cw_exit_begin(CW_END_EXITED, 0);
}

static bool find(const struct interpreter *interpreter)
{
	void *flag = interpreter->flag ? dlsym(RTLD_DEFAULT, interpreter->flag) : NULL;

	if (interpreter->flag && !flag)
		return false;
	for (size_t i = 0; i < FUNCTIONS_MAX; i++)
		ranges[i] = find_function(interpreter->functions[i]);
	is_finalizing = (int (*)(void))flag;
	return ranges[0].end != 0;
}

void cw_teardown_init(void)
{
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++)
		if (find(&interpreters[i])) {
			cw_events_watch_closes(on_close);
			return;
		}
}
