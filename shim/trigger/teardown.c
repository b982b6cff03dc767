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
 * Ruby (eval.c): ruby_run_node() calls first what executes the program and then rb_ec_cleanup(),
 * which runs at_exit blocks, ends the threads and closes what is open.  That has no symbol; but
 * ruby_cleanup() calls it too, so the call that both make is it.
 * PHP (main/main.c): php_request_shutdown() ends the one script of the command line; in servers it
 * ends a request.  What it is says the first word of sapi_module (main/SAPI.h).
 * Tcl (generic/tclEvent.c): Tcl_Exit() closes all channels before it calls exit().
 */
#include "trigger/teardown.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"
#include "core/thread.h"
#include "core/unwind.h"
#include "track/events.h"
#include "trigger/exit.h"

#include "core/poison.h"

struct range {
	uintptr_t start, end;
};

enum { FUNCTIONS_MAX = 2, CALL = 0xe8, JUMP = 0xe9, CALL_SIZE = 5 /* x86-64 */ };

static const struct interpreter {
	const char *functions[FUNCTIONS_MAX];
	const char *flag; /* int (void): is it being torn down? */
	const char *kind; /* char *: is this an interpreter that the process ends with? */
	const char *kind_wanted;
	const char *twin; /* only in a call that this one makes, too */
} interpreters[] = {
	{.functions = {"Py_RunMain", "Py_Exit"}, .flag = "Py_IsFinalizing"},  /* since 3.13 */
	{.functions = {"Py_RunMain", "Py_Exit"}, .flag = "_Py_IsFinalizing"}, /* before */
	{.functions = {"perl_destruct"}},
	{.functions = {"ruby_run_node"}, .twin = "ruby_cleanup"},
	{.functions = {"php_request_shutdown"}, .kind = "sapi_module", .kind_wanted = "cli"},
	{.functions = {"Tcl_Exit"}},
};

static struct range ranges[FUNCTIONS_MAX];
static int (*is_finalizing)(void);
static const char *const *kind;
static const char *kind_wanted;
static struct range twin;

static struct range find_function(const char *name)
{
	void *start = name ? dlsym(RTLD_DEFAULT, name) : NULL;
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!start || !dladdr1(start, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
		return (struct range){0};
	return (struct range){(uintptr_t)start, (uintptr_t)start + symbol->st_size};
}

#if defined(__x86_64__)

/* Where a call or jump at this address leads, by its distance (Intel's manual, volume 2, CALL). */
static uintptr_t target_of(uintptr_t at)
{
	int32_t distance;

	__builtin_memcpy(&distance, (const void *)(at + 1), sizeof(distance));
	return at + CALL_SIZE + (uintptr_t)(intptr_t)distance;
}

/* Does the call that returns here lead to where the twin calls, or jumps at its end? */
static bool is_twins_call(uintptr_t return_address)
{
	uintptr_t call = return_address - CALL_SIZE;

	if (*(const uint8_t *)call != CALL)
		return false;
	for (uintptr_t at = twin.start; at + CALL_SIZE <= twin.end; at++) {
		uint8_t code = *(const uint8_t *)at;

		if ((code == CALL || code == JUMP) && target_of(at) == target_of(call))
			return true;
	}
	return false;
}
#else
static bool is_twins_call(uintptr_t return_address)
{
	return false;
}
#endif

static bool is_teardown(uintptr_t ip, const struct range *range)
{
	if (ip <= range->start || ip > range->end)
		return false;
	return !twin.end || (ip - range->start >= CALL_SIZE && is_twins_call(ip));
}

static bool is_inside(void)
{
	uint64_t ips[CW_STACK_FRAMES_MAX];
	uint16_t flags = 0;
	size_t n = cw_unwind(ips, CW_STACK_FRAMES_MAX, &flags, NULL);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < FUNCTIONS_MAX; j++)
			if (is_teardown(ips[i], &ranges[j]))
				return true;
	return false;
}

/* The status that the program ends with is not known yet; exit() or main's return brings it. */
static void on_close(void)
{
	if ((is_finalizing && !is_finalizing()) ||
	    (kind && !(*kind && cw_streq(*kind, kind_wanted))))
		return;
	if (is_inside())
		cw_exit_begin(CW_END_EXITED, 0);
}

/* Is there all that this interpreter is known by? */
static bool find(const struct interpreter *interpreter)
{
	void *flag = interpreter->flag ? dlsym(RTLD_DEFAULT, interpreter->flag) : NULL;

	for (size_t i = 0; i < FUNCTIONS_MAX; i++)
		ranges[i] = find_function(interpreter->functions[i]);
	is_finalizing = (int (*)(void))flag;
	kind = interpreter->kind ? dlsym(RTLD_DEFAULT, interpreter->kind) : NULL;
	kind_wanted = interpreter->kind_wanted;
	twin = find_function(interpreter->twin);
	return ranges[0].end && (!interpreter->flag || flag) && (!interpreter->kind || kind) &&
	       (!interpreter->twin || twin.end);
}

void cw_teardown_init(void)
{
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++)
		if (find(&interpreters[i])) {
			cw_events_watch_closes(on_close);
			return;
		}
}
