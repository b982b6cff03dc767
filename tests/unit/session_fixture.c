/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the session reader share; see session_fixture.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session_fixture.h"

int session_fixture_setup(void **state)
{
	struct session_fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test-session-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	for (int i = 0; i < 3; i++)
		snprintf(f->path[i], sizeof(f->path[i]), "%s/%d.cws", f->dir, i);
	f->model = cwr_model_new();
	*state = f;
	return 0;
}

int session_fixture_teardown(void **state)
{
	struct session_fixture *f = *state;

	for (int i = 0; i < 3; i++)
		unlink(f->path[i]);
	rmdir(f->dir);
	cwr_model_free(f->model);
	free(f);
	return 0;
}

void session_fixture_load(struct session_fixture *f, int i, struct made_session *made)
{
	struct cwr_error *error;

	made_session_write(made, f->path[i]);
	made_session_free(made);
	error = cwr_session_load(f->model, f->path[i]);
	if (error)
		fail_msg("%s", error->message);
}

void session_fixture_refused(struct session_fixture *f, const char *message)
{
	struct cwr_error *error = cwr_session_load(f->model, f->path[0]);

	assert_non_null(error);
	assert_int_equal(error->status, CWR_EXIT_INPUT);
	assert_non_null(strstr(error->message, f->path[0]));
	if (!strstr(error->message, message))
		fail_msg("\"%s\" is not in \"%s\"", message, error->message);
	assert_null(f->model->processes);
	cwr_error_free(error);
}

bool session_fixture_has_limit(const struct cwr_process *process, const char *words)
{
	for (size_t i = 0; i < process->nlimits; i++)
		if (strstr(process->limits[i], words))
			return true;
	return false;
}

struct cwr_holder *session_fixture_holder(const struct cwr_socket *socket, pid_t pid)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process->pid == pid)
			return h;
	return NULL;
}
