/* SPDX-License-Identifier: MIT */
/*
 * The scene of the tests of diagnose/: a server with one accepted connection whose peer has closed,
 * to which each test adds what it is about.
 */
#ifndef MADE_SCENE_H
#define MADE_SCENE_H

#include "diagnose/diagnose.h"
#include "made_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct scene {
	struct cwr_model *model;
	struct cwr_process *server;
	struct cwr_socket *socket;
	struct cwr_holder *owner;
};

/* A server with one accepted connection, descriptor 7, the FIN unread. */
static inline int set_scene(void **state)
{
	static struct scene scene;

	scene.model = made_model();
	scene.server = made_process(scene.model, 4242, "/usr/bin/forkserver");
	scene.socket = made_accepted(scene.model, scene.server, 7);
	scene.owner = scene.socket->holders;
	*state = &scene;
	return 0;
}

static inline int strike_scene(void **state)
{
	struct scene *scene = *state;

	cwr_model_free(scene->model);
	return 0;
}

static inline struct cwr_finding *diagnose(struct scene *s)
{
	s->model->findings = NULL;
	cwr_diagnose(s->model);
	cwr_diagnose_advise(s->model);
	return s->model->findings;
}

#define assert_cause(scene, name)                             \
	do {                                                  \
		struct cwr_finding *found_ = diagnose(scene); \
		assert_non_null(found_);                      \
		assert_string_equal(found_->cause, name);     \
		assert_non_null(found_->explanation);         \
		assert_non_null(found_->advice);              \
	} while (0)

#define assert_clean(scene) assert_null(diagnose(scene))

/* The child that number `seq` of the server's forks made, with a copy of the socket. */
static inline struct cwr_holder *add_child(struct scene *s, uint32_t seq, bool is_alive)
{
	struct cwr_process *child =
		made_child(s->model, s->server, seq, 4242 + (pid_t)seq, is_alive);
	struct cwr_holder *copy =
		made_holder(s->model, s->socket, child, s->owner->fd, CWR_VIA_FORK);

	copy->is_open = copy->is_confirmed = is_alive;
	return copy;
}

static inline void serve_in_child(struct scene *s)
{
	struct cwr_process *child = made_child(s->model, s->server, 1, 4250, false);

	made_served_copy(s->model, s->socket, child, 7);
}

/* A process that was sent the socket and has read the end-of-file. */
static inline struct cwr_holder *pass_on(struct scene *s)
{
	struct cwr_process *worker = made_process(s->model, 4400, "/usr/bin/worker");
	struct cwr_holder *copy = made_holder(s->model, s->socket, worker, 5, CWR_VIA_PASSED);

	copy->via_mark = made_mark(s->model, worker, "recvmsg", 5, 18, 30);
	made_eof(s->model, s->socket, copy);
	return copy;
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_scene, strike_scene)

#endif
