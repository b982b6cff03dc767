/* SPDX-License-Identifier: MIT */
/*
 * Reading and joining sessions, whole and damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "made_session.h"
#include "session/session.h"

struct fixture {
	struct cwr_model *model;
	char dir[64];
	char path[3][80];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test-session-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	for (int i = 0; i < 3; i++)
		snprintf(f->path[i], sizeof(f->path[i]), "%s/%d.cws", f->dir, i);
	f->model = cwr_model_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		unlink(f->path[i]);
	rmdir(f->dir);
	cwr_model_free(f->model);
	free(f);
	return 0;
}

/* Writes the session to file number i, frees it, and reads it into the model. */
static void load(struct fixture *f, int i, struct made_session *made)
{
	struct cwr_error *error;

	made_session_write(made, f->path[i]);
	made_session_free(made);
	error = cwr_session_load(f->model, f->path[i]);
	if (error)
		fail_msg("%s", error->message);
}

/* What reading file 0 says; the model must be left alone. */
static void assert_refused(struct fixture *f, const char *message)
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

static bool has_limit(const struct cwr_process *process, const char *words)
{
	for (size_t i = 0; i < process->nlimits; i++)
		if (strstr(process->limits[i], words))
			return true;
	return false;
}

static struct cwr_holder *holder_of(const struct cwr_socket *socket, pid_t pid)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process->pid == pid)
			return h;
	return NULL;
}

static void test_a_process_is_read(void **state)
{
	struct fixture *f = *state;
	const struct cwr_process *p;

	load(f, 0, made_session_new(100));
	p = f->model->processes;
	assert_int_equal(p->pid, 100);
	assert_int_equal(p->ppid, 1);
	assert_int_equal(p->start_ticks, 1000);
	assert_string_equal(p->exe, "/usr/bin/server");
	assert_string_equal(p->cmdline[0], "server");
	assert_string_equal(p->cmdline[1], "--port");
	assert_string_equal(p->cmdline[2], "0");
	assert_null(p->cmdline[3]);
	assert_true(p->has_shim);
	assert_int_equal(p->end, CWR_END_RUNNING);
	assert_string_equal(p->session_path, f->path[0]);
	assert_int_equal(p->nlimits, 0);
}

static void test_a_socket_is_read_with_its_marks(void **state)
{
	static const uint64_t ips[] = {0x1111, 0x2222, 0x3333};
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 0xabcdef0123456789);
	const struct cwr_socket *socket;
	char text[64];

	slot->created = made_mark(made, 5000, "accept4", made_stack(made, 3, ips));
	slot->eof = made_mark(made, 6000, "read", made_stack(made, 1, ips));
	slot->flags |= CW_SLOT_CLOEXEC;
	slot->fork_seq = 3;
	load(f, 0, made);
	socket = cwr_model_find_socket(f->model, 0xabcdef0123456789);
	assert_non_null(socket);
	assert_int_equal(socket->role, CWR_ROLE_ACCEPTED);
	assert_string_equal(cwr_addr_format(&socket->peer, text, sizeof(text)), "127.0.0.1:5007");
	assert_string_equal(cwr_addr_format(&socket->local, text, sizeof(text)), "127.0.0.1:8080");
	assert_int_equal(socket->created.t, 5000);
	assert_string_equal(socket->created.op, "accept4");
	assert_int_equal(socket->created.tid, 100);
	assert_int_equal(socket->created.stack->nips, 3);
	assert_int_equal(socket->created.stack->ips[2], 0x3333);
	assert_ptr_equal(socket->creator, f->model->processes);
	assert_int_equal(socket->holders->fd, 7);
	assert_int_equal(socket->holders->via, CWR_VIA_ACCEPT);
	assert_int_equal(socket->holders->cloexec, 1);
	assert_int_equal(socket->holders->fork_seq, 3);
	assert_true(socket->holders->is_open);
	assert_int_equal(socket->holders->eof.t, 6000);
	assert_int_equal(socket->holders->closed.t, 0);
	assert_int_equal(f->model->processes->tracked, 1);
}

static void test_modules_functions_and_forks_are_read(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_module *module = made_module(made, 0x1000, 0x2000, 0x800, "/usr/bin/server");
	const struct cwr_process *p;

	module->build_id_len = 2;
	module->build_id[0] = 0xab;
	module->build_id[1] = 0x01;
	made_module(made, 0x9000, 0x9000, 0, "/empty");
	for (int i = 1; i <= MADE_FORKS + 2; i++)
		made_fork(made, 200 + i, (uint64_t)(7000 + i), 0);
	load(f, 0, made);
	p = f->model->processes;
	assert_int_equal(p->nmodules, 1);
	assert_string_equal(p->modules[0].build_id, "ab01");
	assert_int_equal(p->modules[0].bias, 0x800);
	assert_int_equal(p->nforks, MADE_FORKS);
	for (size_t i = 0; i < p->nforks; i++) {
		assert_int_equal(p->forks[i].seq, i + 3);
		assert_int_equal(p->forks[i].child, 200 + i + 3);
		assert_string_equal(p->forks[i].mark.op, "fork");
	}
}

static void test_site_statistics(void **state)
{
	static const uint64_t ip = 0x1111;
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	uint32_t stack = made_stack(made, 1, &ip);
	const struct cwr_site_stats *site;

	made->sites[5] = (struct cw_site){.stack = stack, .created = 41, .closed = 4};
	made->sites[5].life[0] = 1;  /* under 1 ms */
	made->sites[5].life[1] = 2;  /* [1, 2) ms */
	made->sites[5].life[11] = 1; /* [1.024, 2.048) s */
	made_slot(made, 7, 1)->created = made_mark(made, 5000, "accept", stack);
	load(f, 0, made);
	site = &f->model->sockets->site;
	assert_true(site->known);
	assert_int_equal(site->created, 41);
	assert_int_equal(site->closed, 4);
	assert_float_equal(site->life_min, 0, 1e-9);
	assert_float_equal(site->life_median, 0.0015, 1e-9);
	assert_float_equal(site->life_max, 2.048, 1e-9);
}

static void test_a_closed_slot_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);

	made_slot(made, 7, 1)->flags = 0;
	load(f, 0, made);
	assert_null(f->model->sockets);
}

static void test_closed_at_exit_was_open_at_exit(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 1);

	made->header.end = CW_END_EXITED;
	made->header.end_status = 3;
	made->header.t_exit = 9000;
	slot->flags = CW_SLOT_CLOSED_AT_EXIT;
	slot->closed = made_mark(made, 9001, "close", 0);
	load(f, 0, made);
	assert_int_equal(f->model->processes->end, CWR_END_EXITED);
	assert_int_equal(f->model->processes->end_status, 3);
	assert_true(f->model->sockets->holders->is_open);
	assert_true(f->model->sockets->holders->closed_at_exit);
}

/* The problem this tool is for: the child, gone without a session, read EOF and closed. */
static void test_a_note_becomes_a_former_holder(void **state)
{
	static const uint64_t ips[] = {0x92, 0x51, 0x57};
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 0x500000001);
	const struct cwr_holder *child;

	slot->created = made_mark(made, 5000, "accept", made_stack(made, 1, ips));
	made_fork(made, 201, 5100, made_stack(made, 1, &ips[0]))->state = CW_FORK_EXITED;
	slot->note.cookie_lo = 1;
	slot->note.fork_seq = 1;
	slot->note.closes = 1;
	slot->note.eof = made_mark_of(made, 201, 6000, "read", made_stack(made, 1, &ips[1]));
	slot->note.closed = made_mark_of(made, 201, 6001, "close", made_stack(made, 1, &ips[2]));
	load(f, 0, made);
	child = holder_of(f->model->sockets, 201);
	assert_non_null(child);
	assert_ptr_equal(child->process->parent, f->model->processes);
	assert_int_equal(child->process->ppid, 100);
	assert_true(child->process->has_shim);
	assert_false(child->is_open);
	assert_false(child->is_creator);
	assert_int_equal(child->via, CWR_VIA_FORK);
	assert_int_equal(child->via_mark.t, 5100);
	assert_int_equal(child->via_mark.pid, 100);
	assert_int_equal(child->via_mark.stack->ips[0], 0x92);
	assert_int_equal(child->eof.pid, 201);
	assert_int_equal(child->eof.stack->ips[0], 0x51);
	assert_int_equal(child->closed.stack->ips[0], 0x57);
	assert_true(holder_of(f->model->sockets, 100)->is_open);
	assert_true(f->model->processes->forks[0].child_ended);
}

static void test_a_forgotten_fork_still_has_its_site(void **state)
{
	static const uint64_t ip = 0x92;
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 1);
	const struct cwr_holder *child;

	slot->note = (struct cw_note){.cookie_lo = 1, .fork_seq = 1};
	slot->note.fork_stack = made_stack(made, 1, &ip);
	slot->note.eof = made_mark_of(made, 201, 6000, "recv", 0);
	for (int i = 0; i < MADE_FORKS + 1; i++)
		made_fork(made, 300 + i, 7000, 0);
	load(f, 0, made);
	child = holder_of(f->model->sockets, 201);
	assert_int_equal(child->via_mark.stack->ips[0], 0x92);
	assert_int_equal(child->via_mark.t, 6000);
}

static void test_a_note_of_another_socket_is_not_believed(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 0x500000002);

	slot->note.cookie_lo = 1;
	slot->note.eof = made_mark_of(made, 201, 6000, "read", 0);
	load(f, 0, made);
	assert_null(holder_of(f->model->sockets, 201));
	assert_null(f->model->processes->next);
}

static void test_a_note_of_shutdown_is_no_close(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 1);
	const struct cwr_holder *child;

	slot->note.cookie_lo = 1;
	slot->note.closed = made_mark_of(made, 201, 6000, "shutdown", 0);
	load(f, 0, made);
	child = holder_of(f->model->sockets, 201);
	assert_int_equal(child->closed.t, 0);
	assert_int_equal(child->shutdown.t, 6000);
}

static void test_two_descendants_may_share_a_note(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 1);

	slot->note = (struct cw_note){.cookie_lo = 1, .fork_seq = 2};
	made_fork(made, 201, 5001, 0);
	made_fork(made, 202, 5002, 0);
	slot->note.eof = made_mark_of(made, 201, 6000, "read", 0);
	slot->note.closed = made_mark_of(made, 202, 6001, "close", 0);
	load(f, 0, made);
	assert_int_equal(holder_of(f->model->sockets, 201)->eof.t, 6000);
	assert_int_equal(holder_of(f->model->sockets, 201)->closed.t, 0);
	assert_int_equal(holder_of(f->model->sockets, 202)->closed.t, 6001);
	assert_int_equal(holder_of(f->model->sockets, 202)->via_mark.t, 5002);
}

static void test_what_the_owner_closed_is_a_former_holding(void **state)
{
	static const uint64_t ip = 0x1111;
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_handed(made, 7, 1, 8000);

	slot->created = made_mark(made, 5000, "accept", made_stack(made, 1, &ip));
	made_slot(made, 7, 2); /* the number was used again */
	load(f, 0, made);
	assert_false(holder_of(cwr_model_find_socket(f->model, 1), 100)->is_open);
	assert_int_equal(holder_of(cwr_model_find_socket(f->model, 1), 100)->closed.t, 8000);
	assert_ptr_equal(cwr_model_find_socket(f->model, 1)->creator, f->model->processes);
	assert_true(holder_of(cwr_model_find_socket(f->model, 2), 100)->is_open);
	assert_int_equal(f->model->processes->tracked, 1);
}

/* A parent that accepted and forked, and the child's own session with the copy. */
static void make_family(struct made_session **ret_parent, struct made_session **ret_child)
{
	static const uint64_t ips[] = {0x1111, 0x2222};
	struct made_session *parent = made_session_new(100), *child = made_session_new(201);
	struct cw_slot *slot = made_slot(parent, 7, 1);

	slot->created = made_mark(parent, 5000, "accept", made_stack(parent, 1, &ips[0]));
	made_fork(parent, 201, 5100, made_stack(parent, 1, &ips[1]))->state = CW_FORK_HAS_SESSION;
	made_session_set_parent(child, parent);
	made_stack(child, 1, &ips[1]); /* so that the numbers of the stacks differ */
	child->slots[7] = parent->slots[7];
	child->slots[7].created.stack = made_stack(child, 1, &ips[0]);
	child->slots[7].via = CW_VIA_FORK;
	child->slots[7].via_mark = (struct cw_mark){.t = 5100};
	child->slots[7].last = made_mark(child, 5050, "read", 0); /* the parent's doing */
	child->slots[7].eof = made_mark(child, 6000, "read", 0);
	child->header.section[CW_SECTION_SLOTS].used = 8;
	*ret_parent = parent;
	*ret_child = child;
}

static void check_family(const struct fixture *f)
{
	const struct cwr_process *parent = cwr_model_find_process(f->model, 100);
	const struct cwr_process *child = cwr_model_find_process(f->model, 201);
	const struct cwr_socket *socket = f->model->sockets;

	assert_ptr_equal(child->parent, parent);
	assert_null(parent->parent);
	assert_int_equal(child->parent_fork_seq, 1);
	assert_null(socket->next);
	assert_ptr_equal(socket->creator, parent);
	assert_int_equal(socket->created.stack->ips[0], 0x1111);
	assert_ptr_equal(socket->created.stack->process, parent);
	assert_ptr_equal(socket->holders->process, parent);
	assert_ptr_equal(socket->holders->next->process, child);
	assert_int_equal(socket->holders->next->via_mark.t, 5100);
	assert_int_equal(socket->holders->next->via_mark.pid, 100);
	assert_int_equal(socket->holders->next->via_mark.stack->ips[0], 0x2222);
	assert_int_equal(socket->holders->next->eof.t, 6000);
	assert_int_equal(socket->holders->next->last_use.t, 0);
	assert_null(socket->holders->next->next);
}

static void test_parent_and_child_are_joined(void **state)
{
	struct made_session *parent, *child;

	make_family(&parent, &child);
	load(*state, 0, parent);
	load(*state, 1, child);
	check_family(*state);
}

static void test_the_order_of_reading_does_not_matter(void **state)
{
	struct made_session *parent, *child;

	make_family(&parent, &child);
	load(*state, 1, child);
	load(*state, 0, parent);
	check_family(*state);
}

static void test_a_child_announced_by_a_note_is_not_doubled(void **state)
{
	struct made_session *parent, *child;

	make_family(&parent, &child);
	parent->slots[7].note = (struct cw_note){.cookie_lo = 1, .fork_seq = 1};
	parent->slots[7].note.eof = made_mark_of(parent, 201, 5900, "read", 0);
	load(*state, 0, parent);
	load(*state, 1, child);
	check_family(*state);
}

static void test_without_the_parent_the_copy_tells_the_site(void **state)
{
	struct fixture *f = *state;
	struct made_session *parent, *child;

	make_family(&parent, &child);
	made_session_free(parent);
	load(f, 1, child);
	assert_int_equal(f->model->sockets->created.t, 5000);
	assert_int_equal(f->model->sockets->created.pid, 100);
	assert_int_equal(f->model->sockets->created.stack->ips[0], 0x1111);
	assert_null(f->model->sockets->creator);
}

static void test_a_reused_process_number_is_another_process(void **state)
{
	struct fixture *f = *state;
	struct made_session *parent, *child, *later = made_session_new(201);
	const struct cwr_process *newest;

	make_family(&parent, &child);
	later->header.start_ticks = 99999;
	later->header.t_start = 50000;
	made_slot(later, 7, 2);
	load(f, 0, parent);
	load(f, 1, child);
	load(f, 2, later);
	newest = cwr_model_find_process(f->model, 201);
	assert_int_equal(newest->t_session, 50000);
	assert_null(newest->parent);
	assert_ptr_equal(cwr_model_find_socket(f->model, 2)->holders->process, newest);
	assert_ptr_not_equal(cwr_model_find_socket(f->model, 1)->holders->next->process, newest);
	assert_true(cwr_model_find_socket(f->model, 1)->holders->next->is_open);
}

static void test_an_exec_ends_the_image_before_it(void **state)
{
	struct fixture *f = *state;
	struct made_session *before = made_session_new(100), *after = made_session_new(100);
	const struct cwr_socket *socket;

	made_slot(before, 7, 1)->created = made_mark(before, 2000, "accept", 0);
	after->header.t_start = 9000;
	made_slot(after, 7, 1)->via = CW_VIA_UNKNOWN;
	after->slots[7].role = CW_ROLE_INHERITED;
	load(f, 1, after);
	load(f, 0, before);
	socket = f->model->sockets;
	assert_int_equal(socket->role, CWR_ROLE_ACCEPTED);
	assert_int_equal(socket->creator->t_session, 1000);
	assert_int_equal(socket->creator->end, CWR_END_EXEC);
	assert_false(socket->holders->is_open);
	assert_int_equal(socket->holders->next->process->t_session, 9000);
	assert_int_equal(socket->holders->next->via, CWR_VIA_EXEC);
	assert_true(socket->holders->next->is_open);
	assert_int_equal(socket->holders->next->process->end, CWR_END_RUNNING);
}

static void test_a_duplicate_is_a_second_holder(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	const struct cwr_holder *first;

	made_slot(made, 9, 1)->created = made_mark(made, 5000, "accept", 0);
	made_slot(made, 7, 1)->created = made_mark(made, 5000, "accept", 0);
	made->slots[7].via = CW_VIA_DUP;
	made->slots[7].from_fd = 9;
	made->slots[7].via_mark = made_mark(made, 5500, "dup", 0);
	load(f, 0, made);
	first = f->model->sockets->holders;
	assert_int_equal(first->fd, 9);
	assert_int_equal(first->next->fd, 7);
	assert_int_equal(first->next->via, CWR_VIA_DUP);
	assert_int_equal(first->next->via_mark.t, 5500);
	assert_int_equal(first->next->via_mark.fd, 9);
	assert_true(first->is_creator && first->next->is_creator);
	assert_null(f->model->sockets->next);
}

static void test_losses_are_admitted(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);

	made->header.off = CW_OFF_SPACE;
	made->header.off_errno = 28; /* ENOSPC */
	made->header.lost_stacks = 12;
	load(f, 0, made);
	assert_true(has_limit(f->model->processes, "No space left"));
	assert_true(has_limit(f->model->processes, "12 stacks"));
}

static void test_a_missing_file_is_an_error(void **state)
{
	assert_refused(*state, "No such file");
}

static void test_garbage_is_no_session(void **state)
{
	struct fixture *f = *state;

	made_file_write(f->path[0], "", 0);
	assert_refused(f, "not a cwshim session");
	made_file_write(f->path[0], "hello, world\n", 13);
	assert_refused(f, "not a cwshim session");
	assert_int_equal(unlink(f->path[0]), 0);
	assert_int_equal(mkdir(f->path[0], 0700), 0);
	assert_refused(f, "not a cwshim session");
	rmdir(f->path[0]);
}

static void test_every_cut_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);

	for (size_t size = 8; size < sizeof(*made); size += size < 256 ? 1 : 997) {
		made_file_write(f->path[0], made, size);
		assert_refused(f, "truncated session");
	}
	made_session_free(made);
}

static void refuse_header(struct fixture *f, struct made_session *made, const char *message)
{
	made_session_write(made, f->path[0]);
	made_session_free(made);
	assert_refused(f, message);
}

static void test_headers_that_cannot_be_read(void **state)
{
	struct made_session *made = made_session_new(100);

	made->header.version = CW_SESSION_VERSION + 1;
	refuse_header(*state, made, "session format 2, but this cwshim reads format 1");
	made = made_session_new(100);
	made->header.header_size -= 8;
	refuse_header(*state, made, "damaged session");
	made = made_session_new(100);
	made->header.sections = 3;
	refuse_header(*state, made, "damaged session");
	made = made_session_new(-1);
	refuse_header(*state, made, "damaged session");
	made = made_session_new(100);
	made->header.ready = 0;
	refuse_header(*state, made, "unfinished session");
	made = made_session_new(100);
	made->header.section[CW_SECTION_SLOTS].size = UINT64_MAX;
	refuse_header(*state, made, "truncated session: slots");
}

static void test_one_bad_section_leaves_the_rest(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);

	made_slot(made, 7, 1)->created = made_mark(made, 5000, "accept", 0);
	made->header.section[CW_SECTION_MODULES].entry_size = 3;
	made->header.section[CW_SECTION_FORKS].offset += 4;
	made->header.section[CW_SECTION_STACKS].used = UINT32_MAX;
	load(f, 0, made);
	assert_true(has_limit(f->model->processes, "its modules cannot be read"));
	assert_true(has_limit(f->model->processes, "its forks cannot be read"));
	assert_true(has_limit(f->model->processes, "its stacks cannot be read"));
	assert_int_equal(f->model->processes->nlimits, 3);
	assert_int_equal(f->model->sockets->created.t, 5000);
}

static void test_a_slot_left_half_written_is_said(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);

	made_slot(made, 7, 1)->seq = 3;
	made_slot(made, 8, 2);
	load(f, 0, made);
	assert_null(cwr_model_find_socket(f->model, 1));
	assert_non_null(cwr_model_find_socket(f->model, 2));
	assert_true(has_limit(f->model->processes, "1 sockets are left out"));
}

static void test_wild_stack_numbers_lead_nowhere(void **state)
{
	struct fixture *f = *state;
	struct made_session *made = made_session_new(100);
	uint32_t last = (MADE_STACK_BYTES - 8) / 8;
	struct cw_stack head = {.nframes = CW_STACK_FRAMES_MAX};

	memcpy(made->stacks + (size_t)last * 8, &head, sizeof(head));
	made->header.section[CW_SECTION_STACKS].used = MADE_STACK_BYTES;
	made_slot(made, 7, 1)->created = made_mark(made, 5000, "accept", UINT32_MAX);
	made->slots[7].eof = made_mark(made, 6000, "read", last);
	made->slots[7].last = (struct cw_mark){6001, 1, CW_WHO(100, 1023)};
	load(f, 0, made);
	assert_null(f->model->sockets->created.stack);
	assert_null(f->model->sockets->holders->eof.stack);
	assert_null(f->model->sockets->holders->last_use.stack);
	assert_null(f->model->sockets->holders->last_use.op);
}

static struct made_session *make_rich(void)
{
	static const uint64_t ips[] = {0x1111, 0x2222, 0x3333};
	struct made_session *made = made_session_new(100);
	uint32_t stack = made_stack(made, 3, ips);

	made_module(made, 0x1000, 0x5000, 0, "/usr/bin/server")->build_id_len = 20;
	made->sites[1] = (struct cw_site){.stack = stack, .created = 3, .closed = 1, .life = {1}};
	for (int i = 0; i < 4; i++) {
		struct cw_slot *slot = made_slot(made, 7 + i, (uint64_t)i + 1);

		slot->created = made_mark(made, 5000, "accept", stack);
		slot->note = (struct cw_note){.cookie_lo = (uint32_t)i + 1, .fork_seq = 1};
		slot->note.eof = made_mark_of(made, 201 + i, 6000, "read", stack);
		slot->note.closed = made_mark_of(made, 201 + i, 6001, "close", stack);
		made_fork(made, 201 + i, 5500, stack);
	}
	made_handed(made, 20, 77, 8000);
	return made;
}

/* xorshift: the same sequence in every run, so that a failure can be repeated. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/*
 * Flips bits, mostly in the header and the tables.  Whatever comes out must be an error or a
 * model, never a crash (sanitizers watch), and an error must leave no process behind.
 */
static void test_flipped_bits_do_no_harm(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 0x2545f4914f6cdd1d;
	int refused = 0, read = 0;

	for (int round = 0; round < 3000; round++) {
		struct made_session *made = make_rich();
		struct cwr_model *model = cwr_model_new();
		struct cwr_error *error;

		for (uint64_t n = next_random(&seed) % 16; n < 16; n++) {
			uint64_t range = n % 2 ? sizeof(*made) : sizeof(made->header);

			((unsigned char *)made)[next_random(&seed) % range] ^=
				(unsigned char)(1u << next_random(&seed) % 8);
		}
		made_session_write(made, f->path[0]);
		error = cwr_session_load(model, f->path[0]);
		if (error) {
			refused++;
			assert_null(model->processes);
			assert_non_null(strstr(error->message, f->path[0]));
		} else {
			read++;
			assert_non_null(model->processes);
		}
		cwr_error_free(error);
		cwr_model_free(model);
		made_session_free(made);
	}
	assert_true(refused > 100 && read > 100);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_process_is_read),
		CASE(test_a_socket_is_read_with_its_marks),
		CASE(test_modules_functions_and_forks_are_read),
		CASE(test_site_statistics),
		CASE(test_a_closed_slot_is_left_out),
		CASE(test_closed_at_exit_was_open_at_exit),
		CASE(test_a_note_becomes_a_former_holder),
		CASE(test_a_forgotten_fork_still_has_its_site),
		CASE(test_a_note_of_another_socket_is_not_believed),
		CASE(test_a_note_of_shutdown_is_no_close),
		CASE(test_two_descendants_may_share_a_note),
		CASE(test_what_the_owner_closed_is_a_former_holding),
		CASE(test_parent_and_child_are_joined),
		CASE(test_the_order_of_reading_does_not_matter),
		CASE(test_a_child_announced_by_a_note_is_not_doubled),
		CASE(test_without_the_parent_the_copy_tells_the_site),
		CASE(test_a_reused_process_number_is_another_process),
		CASE(test_an_exec_ends_the_image_before_it),
		CASE(test_a_duplicate_is_a_second_holder),
		CASE(test_losses_are_admitted),
		CASE(test_a_missing_file_is_an_error),
		CASE(test_garbage_is_no_session),
		CASE(test_every_cut_is_noticed),
		CASE(test_headers_that_cannot_be_read),
		CASE(test_one_bad_section_leaves_the_rest),
		CASE(test_a_slot_left_half_written_is_said),
		CASE(test_wild_stack_numbers_lead_nowhere),
		CASE(test_flipped_bits_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
