/* SPDX-License-Identifier: MIT */
/*
 * Starts the program that is watched; see launch.h.
 */
#include "cmd/launch.h"

#include "kernel/proc.h"
#include "model/arena.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* Where the library is, seen from the directory of the command: a build tree, or an installation.
 */
static const char *const places[] = {
	"libcwshim.so",
	"../lib/libcwshim.so",
	"../lib/*-linux-gnu*/libcwshim.so",
	"../lib64/libcwshim.so",
};

/* The first file that matches; the caller frees it; NULL: none. */
static char *find_match(const char *pattern)
{
	char *found = NULL;
	glob_t matches;

	if (glob(pattern, 0, NULL, &matches) == 0) {
		found = realpath(matches.gl_pathv[0], NULL);
		globfree(&matches);
	}
	return found;
}

static struct cwr_error *find_library(char **ret_path)
{
	char exe[PATH_MAX], pattern[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = 0;
	*strrchr(n > 0 ? exe : strcpy(exe, "/"), '/') = 0;
	*ret_path = NULL;
	for (size_t i = 0; !*ret_path && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(pattern, sizeof(pattern), "%s/%s", exe, places[i]);
		*ret_path = find_match(pattern);
	}
	return *ret_path ? NULL
			 : cwr_error_new(CWR_EXIT_INPUT,
					 "libcwshim.so is neither in %s nor in ../lib beside it",
					 exe);
}

/* Sets NAME to first, or to "first:second" if there is a second. */
static void set_joined(const char *name, const char *first, const char *second)
{
	CWR_AUTO_FREE char *value = NULL;

	if (asprintf(&value, "%s%s%s", first, second && *second ? ":" : "", second ? second : "") <
		    0 ||
	    setenv(name, value, 1) < 0)
		cwr_out_of_memory();
}

/*
 * A program built with gcc's -fsanitize=address ends at once if a library was loaded before
 * libasan.so, which would not see that library's calls of malloc().  The shim makes none, and lets
 * through what it intercepts.  Nobody else reads this variable.
 */
static void calm_sanitizer(void)
{
	static const char name[] = "ASAN_OPTIONS", option[] = "verify_asan_link_order=";
	const char *theirs = getenv(name);

	if (!theirs || !strstr(theirs, option))
		set_joined(name, "verify_asan_link_order=0", theirs);
}

/* Later options override earlier ones, so ours come last. */
static void set_environment(const struct cwr_launch *launch, const char *library)
{
	CWR_AUTO_FREE char *ours = NULL;
	const char *theirs = getenv("CWSHIM_OPTIONS");
	char late[48] = "";

	if (launch->late_s >= 0)
		snprintf(late, sizeof(late), ":late=%.0fms", launch->late_s * 1000);
	if (asprintf(&ours, "session_dir=%s:notify=%s:filters=%u%s", launch->session_dir,
		     launch->notify, cwr_proc_count_filters(getpid()), late) < 0)
		cwr_out_of_memory();
	set_joined("LD_PRELOAD", library, getenv("LD_PRELOAD"));
	calm_sanitizer();
	if (theirs && *theirs)
		set_joined("CWSHIM_OPTIONS", theirs, ours);
	else
		set_joined("CWSHIM_OPTIONS", ours, NULL);
}

static void execute(const struct cwr_launch *launch, const char *library, int failure)
{
	int error;

	sigprocmask(SIG_SETMASK, launch->mask, NULL);
	set_environment(launch, library);
	execvp(launch->argv[0], launch->argv);
	error = errno;
	while (write(failure, &error, sizeof(error)) < 0 && errno == EINTR)
		;
	_exit(NOT_FOUND);
}

static struct cwr_error *failed(const char *program, int error)
{
	return cwr_error_new(error == ENOENT ? (enum cwr_exit)NOT_FOUND
					     : (enum cwr_exit)NOT_EXECUTABLE,
			     "%s: %s", program, strerror(error));
}

struct cwr_error *cwr_launch(const struct cwr_launch *launch, pid_t *ret_pid)
{
	CWR_AUTO_FREE char *library = NULL;
	struct cwr_error *problem = find_library(&library);
	int failure[2], error = 0;

	*ret_pid = 0;
	if (problem)
		return problem;
	if (pipe2(failure, O_CLOEXEC) < 0 || (*ret_pid = fork()) < 0)
		return cwr_error_new(CWR_EXIT_INPUT, "cannot start %s: %s", launch->argv[0],
				     strerror(errno));
	if (*ret_pid == 0)
		execute(launch, library, failure[1]);
	close(failure[1]);
	/* The pipe ends without a byte when the program has been executed. */
	if (read(failure[0], &error, sizeof(error)) != (ssize_t)sizeof(error))
		error = 0;
	close(failure[0]);
	if (!error)
		return NULL;
	waitpid(*ret_pid, NULL, 0);
	*ret_pid = 0;
	return failed(launch->argv[0], error);
}
