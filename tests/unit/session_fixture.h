/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the session reader share: a model, a directory, and three files in it.
 */
#ifndef SESSION_FIXTURE_H
#define SESSION_FIXTURE_H

#include "made_session.h"
#include "session/session.h"

struct session_fixture {
	struct cwr_model *model;
	char dir[64];
	char path[3][80];
};

/* For cmocka_unit_test_setup_teardown(). */
int session_fixture_setup(void **state);
int session_fixture_teardown(void **state);

/* Writes the session to file number i, frees it, and reads it into the model. */
void session_fixture_load(struct session_fixture *f, int i, struct made_session *made);

/* Reading file 0 must fail with these words, and leave the model alone. */
void session_fixture_refused(struct session_fixture *f, const char *message);

/* Does one of the process's limits contain these words? */
bool session_fixture_has_limit(const struct cwr_process *process, const char *words);

/* The first holder in the process with that number, or NULL. */
struct cwr_holder *session_fixture_holder(const struct cwr_socket *socket, pid_t pid);

#endif
