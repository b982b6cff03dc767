/* SPDX-License-Identifier: MIT */
/*
 * The talk with the reporter (enum cw_phase in session.h): a futex word in the shared header.
 */
#include "trigger/report.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <time.h>

#include "core/options.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/text.h"
#include "track/notify.h"
#include "track/probe.h"
#include "track/remains.h"
#include "track/session.h"
#include "trigger/plain.h"
#include "trigger/spawn.h"

#include "core/poison.h"

enum {
	WAIT_MS = 100,	     /* how often a waiting host looks whether the reporter still lives */
	CAPTURE_WAITS = 100, /* 10 s for the capture */
	EARLIER_WAITS = 20,  /* 2 s for that of a report asked for before the exit */
	WRITE_WAITS = 600,   /* a minute for a report of any size */
};

static bool has_found; /* sockets whose peer has closed, here or as copies elsewhere, at exit */
static bool is_asked;
static pid_t reporter; /* the latest; 0: `cwshim run` serves us */

bool cw_report_has_found(void)
{
	return has_found;
}

static void set_phase(struct cw_session_header *header, enum cw_phase phase)
{
	__atomic_store_n(&header->phase, phase, __ATOMIC_RELEASE);
	cw_raw(SYS_futex, &header->phase, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static bool is_reporter_gone(void)
{
	return reporter && cw_raw(SYS_kill, reporter, 0) == -ESRCH;
}

/* Waits until the phase is at least this one.  False if the reporter is gone or slow. */
static bool wait_for(struct cw_session_header *header, enum cw_phase phase, int waits)
{
	struct timespec timeout = {0, WAIT_MS * 1000000};

	for (int i = 0; i < waits; i++) {
		uint32_t seen = __atomic_load_n(&header->phase, __ATOMIC_ACQUIRE);

		if (seen >= phase)
			return true;
		if (is_reporter_gone())
			return __atomic_load_n(&header->phase, __ATOMIC_ACQUIRE) >= phase;
		cw_raw(SYS_futex, &header->phase, FUTEX_WAIT, seen, &timeout, NULL, 0);
	}
	return false;
}

static const char *file_name(const char *path)
{
	const char *name = path;

	for (; *path; path++)
		if (*path == '/')
			name = path + 1;
	return name;
}

/* False also if there is no file that could be named. */
static bool notify(void)
{
	char line[128];
	struct cw_text text = CW_TEXT(line);

	if (!*cw_session_path())
		return false;

	cw_text_add(&text, file_name(cw_session_path()));
	cw_text_add(&text, "\n");
	return cw_notify(line, text.len);
}

/* log_path with %p and %e replaced. */
static void expand_log_path(struct cw_text *text, const struct cw_session_header *header)
{
	for (const char *at = cw_options.log_path.text; *at; at++) {
		if (at[0] == '%' && at[1] == 'p')
			cw_text_add_dec(text, header->pid);
		else if (at[0] == '%' && at[1] == 'e')
			cw_text_add(text, file_name(header->exe));
		else {
			cw_text_add_n(text, at, 1);
			continue;
		}
		at++;
	}
}

static void add_argument(const char **argv, size_t *n, struct cw_text *text, const char *option,
			 const char *value)
{
	argv[(*n)++] = text->data + text->len;
	cw_text_add(text, option);
	cw_text_add(text, value);
	text->len++;
}

/* In static storage: under the claim of spawn.h. */
static const char **make_arguments(struct cw_session_header *header)
{
	static const char *const reasons[] = {"", "exit", "signal", "threshold"};
	static char buffer[4096];
	static const char *argv[16] = {"cwshim", "report", "--from-shim"};
	struct cw_text text = CW_TEXT(buffer);
	char log[600] = "";
	struct cw_text log_text = CW_TEXT(log);
	size_t n = 3;

	expand_log_path(&log_text, header);
	add_argument(argv, &n, &text, "--reason=", reasons[header->reason]);
	add_argument(argv, &n, &text, "--format=", cw_options.format.text);
	add_argument(argv, &n, &text, "--min-age=", cw_options.min_age.text);
	add_argument(argv, &n, &text, "--fail-on=", cw_options.fail_on.text);
	if (!cw_streq(log, "stderr")) {
		add_argument(argv, &n, &text, "--output=", log);
		argv[n++] = "--append";
	}
	if (*cw_options.suppressions.text)
		add_argument(argv, &n, &text, "--suppressions=", cw_options.suppressions.text);
	argv[n++] = cw_session_path();
	argv[n] = NULL;
	return argv;
}

static bool start_reporter(struct cw_session_header *header)
{
	uint64_t mask;

	if (!cw_spawn_claim(&mask))
		return false;
	reporter = cw_spawn_reporter(make_arguments(header));
	cw_spawn_release(mask, false);
	return reporter != 0;
}

static const char not_started[] = "no reporter could be started";

static void report_plainly(const char *why)
{
	if (*cw_session_path())
		cw_message(why, ", so without source lines; later: cwshim report ",
			   cw_session_path(), NULL);
	else
		cw_message("there is no session file, so without source lines", NULL);
	cw_plain_report(cw_session_own());
}

static void announce(struct cw_session_header *header, enum cw_reason reason)
{
	header->reason = reason;
	header->failing = 0;
	header->requests++;
	__atomic_store_n(&header->phase, CW_PHASE_ASKED, __ATOMIC_RELEASE);
}

static bool notify_or_start(struct cw_session_header *header)
{
	reporter = 0;
	if (*cw_options.notify.text && *cw_session_path())
		return notify();
	return start_reporter(header);
}

/* What is to be told has been probed. */
static bool ask(struct cw_session_header *header, enum cw_reason reason)
{
	announce(header, reason);
	if (notify_or_start(header))
		return true;
	report_plainly(not_started);
	return false;
}

static const char **apart_arguments;

/*
 * Beside the host (cw_spawn_apart()), which goes on.  Its descriptors are asked in place: copies
 * would keep connections alive that it closes meanwhile.  Only what opens one needs copies.
 */
static void report_apart(void)
{
	cw_probe_recorded();
	cw_spawn_own_descriptors();
	cw_probe_strangers();
	cw_spawn_close_descriptors();
	if (*cw_options.notify.text && *cw_session_path()) {
		notify();
	} else {
		cw_spawn_exec(apart_arguments);
		report_plainly(not_started);
	}
	cw_raw(SYS_exit_group, 0);
}

static bool start_apart(struct cw_session_header *header)
{
	uint64_t mask;
	pid_t pid;

	if (!cw_spawn_claim(&mask))
		return false;
	apart_arguments = make_arguments(header);
	pid = cw_spawn_apart(report_apart);
	reporter = pid;
	cw_spawn_release(mask, pid != 0);
	return pid != 0;
}

uint32_t cw_report_begin_exit(void)
{
	uint32_t found = cw_probe_all(!cw_session_family());
	struct cw_map *map = cw_session_own();

	if (!map || cw_is_sandboxed || (!found && !map->header->closed_late && !cw_remains_any()))
		return 0;
	has_found = true;
	if (!cw_options.at_exit.number && !*cw_options.notify.text)
		return 0;
	is_asked = ask(map->header, CW_REASON_EXIT);
	if (!is_asked)
		return 0;
	if (wait_for(map->header, CW_PHASE_CAPTURED, CAPTURE_WAITS))
		return map->header->failing;
	if (is_reporter_gone())
		report_plainly("the reporter has failed");
	return 0;
}

/* One that was asked for just before the end still needs the session file. */
static void await_earlier_report(struct cw_session_header *header)
{
	if (__atomic_load_n(&header->phase, __ATOMIC_RELAXED) == CW_PHASE_ASKED && reporter)
		wait_for(header, CW_PHASE_CAPTURED, EARLIER_WAITS);
}

void cw_report_finish_exit(void)
{
	struct cw_map *map = cw_session_own();

	if (!map || cw_is_sandboxed)
		return;
	if (!is_asked) {
		await_earlier_report(map->header);
		return;
	}
	set_phase(map->header, CW_PHASE_FINISH);
	if (reporter)
		wait_for(map->header, CW_PHASE_DONE, WRITE_WAITS);
}

void cw_report_now(enum cw_reason reason)
{
	struct cw_map *map;

	if (cw_is_sandboxed)
		return;
	/* Where nothing is recorded there may be strangers: then a session is made here. */
	if (!cw_session_own())
		cw_probe_all(true);
	map = cw_session_own();
	if (!map) {
		if (cw_options.verbose.number)
			cw_message("no socket was opened yet, nothing to report", NULL);
		return;
	}
	announce(map->header, reason);
	if (start_apart(map->header))
		return;
	cw_probe_all(true);
	if (!notify_or_start(map->header))
		report_plainly(not_started);
}
