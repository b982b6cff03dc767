/* SPDX-License-Identifier: MIT */
/*
 * One observation of the processes and sockets in the model; see kernel.h.
 */
#include "kernel/kernel.h"

#include "kernel/observer.h"
#include "kernel/proc.h"

#include "model/arena.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define GAP_MIN_S 0.02
#define GAP_MAX_S 1.0

enum { NAMESPACES = 64 };

struct cwr_kernel_list {
	uint64_t t; /* monotonic */
	struct cwr_diag *diag;
	struct cwr_error *error;
	size_t n;
	uint64_t namespaces[NAMESPACES]; /* of the network, inode numbers: those that were read */
};

/* The inode number of a process's network namespace; 0: may not be known. */
static uint64_t namespace_at(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static bool has_read(const struct cwr_kernel_list *list, uint64_t netns)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->namespaces[i] == netns)
			return true;
	return false;
}

static void remember(struct cwr_kernel_list *list, uint64_t netns)
{
	if (netns && list->n < NAMESPACES)
		list->namespaces[list->n++] = netns;
}

struct cwr_kernel_list *cwr_kernel_list(void)
{
	struct cwr_kernel_list *list = calloc(1, sizeof(*list));

	if (!list)
		cwr_out_of_memory();
	list->t = cwr_proc_now(CLOCK_MONOTONIC);
	list->error = cwr_diag_read(&list->diag);
	if (!list->error)
		remember(list, namespace_at("/proc/self/ns/net"));
	return list;
}

void cwr_kernel_list_add(struct cwr_kernel_list *list, pid_t pid)
{
	char path[64];
	uint64_t netns;
	struct cwr_error *error;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	netns = namespace_at(path);
	if (!netns || has_read(list, netns) || list->n == NAMESPACES)
		return;
	CWR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	error = cwr_diag_read_namespace(list->diag, fd);
	if (!error)
		remember(list, netns);
	cwr_error_free(error);
}

void cwr_kernel_list_free(struct cwr_kernel_list *list)
{
	if (!list)
		return;
	cwr_diag_free(list->diag);
	cwr_error_free(list->error);
	free(list);
}

static void set_clock(struct cwr_model *model)
{
	model->now = cwr_proc_now(CLOCK_MONOTONIC);
	model->now_real_ns = (int64_t)cwr_proc_now(CLOCK_REALTIME);
}

/* Without the list the report is poorer, not wrong: descriptors can still be asked one by one. */
static void say_no_list(struct cwr_model *model, const struct cwr_error *error)
{
	const char *sentence = cwr_model_printf(
		model, "the kernel's list of connections could not be read (%s)", error->message);

	for (struct cwr_process *p = model->processes; p; p = p->next)
		if (p->is_alive)
			cwr_model_add_limit(model, p, sentence);
}

static void say_other_namespaces(struct cwr_model *model, const struct cwr_kernel_list *list)
{
	for (struct cwr_process *p = model->processes; p; p = p->next)
		if (p->is_alive && p->netns && !list->error && !has_read(list, p->netns))
			cwr_model_add_limit(model, p,
					    "it is in another network namespace, whose list of "
					    "connections could not be read");
}

/* Its threads could tell why a socket is not closed. */
static bool has_ended_connection(const struct cwr_process *process)
{
	for (const struct cwr_holder *h = process->holders; h; h = h->next_in_process)
		if (h->is_open && h->socket->peer_has_closed)
			return true;
	return false;
}

static void read_waits(struct cwr_observer *observer)
{
	for (struct cwr_process *p = observer->model->processes; p; p = p->next) {
		if (!p->is_alive || !has_ended_connection(p))
			continue;
		cwr_proc_read_threads(observer->model, p);
		cwr_proc_read_watches(observer->model, p, cwr_census_of(observer->census, p->pid));
		cwr_proc_read_sleeps(p);
	}
}

static void count_descriptors(struct cwr_model *model)
{
	for (struct cwr_process *p = model->processes; p; p = p->next) {
		if (!p->emfile || !p->is_alive)
			continue;
		p->nfds = cwr_proc_count_fds(p->pid);
		p->fd_limit = cwr_proc_fd_limit(p->pid);
	}
}

/* The peer has closed, and there is data for it that it has not acknowledged. */
static bool has_unsent(const struct cwr_socket *socket)
{
	return socket->peer_has_closed && socket->send_q > 0 && socket->state != CWR_TCP_LISTEN;
}

/* A process that ends stands still because it waits for us. */
static bool is_worth_another_look(const struct cwr_model *model)
{
	for (const struct cwr_socket *s = model->sockets; s; s = s->next) {
		if (!s->peer_has_closed || (s->eof == CWR_EOF_READ && !has_unsent(s)))
			continue;
		for (const struct cwr_holder *h = s->holders; h; h = h->next)
			if (h->is_open && h->process->nthreads && !h->process->is_exiting)
				return true;
	}
	return false;
}

/* Does what is unsent shrink?  A list that cannot be read a second time tells nothing new. */
static void measure_queues_again(struct cwr_model *model)
{
	struct cwr_socket *s = model->sockets;
	struct cwr_diag *diag;

	while (s && !has_unsent(s))
		s = s->next;
	if (!s)
		return;
	cwr_error_free(cwr_diag_read(&diag));
	for (; s; s = s->next) {
		const struct cwr_diag_row *row = cwr_diag_by_cookie(diag, s->cookie);

		if (!row || !has_unsent(s))
			continue;
		s->send_q_before = s->send_q;
		s->send_q = row->send_q;
	}
	cwr_diag_free(diag);
}

/*
 * Nothing tells since when a thread has been blocked, so it is looked at twice; as far apart as
 * what counts as long, but nobody wants to wait for a report.
 */
static void look_again(struct cwr_model *model)
{
	double gap = fmin(fmax(model->policy.min_age_s, GAP_MIN_S), GAP_MAX_S);
	struct timespec pause = {(time_t)gap, (long)((gap - (time_t)gap) * 1e9)};

	nanosleep(&pause, NULL);
	for (struct cwr_process *p = model->processes; p; p = p->next)
		if (!p->is_exiting)
			cwr_proc_check_threads(p);
	measure_queues_again(model);
	model->still_s = gap;
}

struct cookies {
	const struct cwr_diag *diag;
	uint64_t *of;
	size_t n, max;
};

static void add_cookie(void *context, int fd, const char *link)
{
	struct cookies *cookies = context;
	uint64_t inode = cwr_proc_inode_in(link);
	const struct cwr_diag_row *row = inode ? cwr_diag_by_inode(cookies->diag, inode) : NULL;

	(void)fd;
	if (row && row->state != CWR_TCP_LISTEN && cookies->n < cookies->max)
		cookies->of[cookies->n++] = row->cookie;
}

size_t cwr_kernel_cookies_of(const struct cwr_kernel_list *list, pid_t pid, uint64_t *ret_cookies,
			     size_t max)
{
	struct cookies cookies = {.diag = list->diag, .of = ret_cookies, .max = max};

	if (list->diag)
		cwr_proc_each_link(pid, add_cookie, &cookies);
	return cookies.n;
}

struct cwr_error *cwr_kernel_observe(struct cwr_model *model, const struct cwr_kernel_list *list)
{
	struct cwr_observer observer = {
		.model = model,
		.diag = list->diag,
		.census = cwr_census_new(),
		.t_listed = list->t,
	};

	set_clock(model);
	cwr_observe_numbers(&observer);
	cwr_observe_liveness(&observer);
	if (list->error)
		say_no_list(model, list->error);
	say_other_namespaces(model, list);
	cwr_observe_unnamed(&observer);
	cwr_observe_holders(&observer);
	cwr_observe_unknowns(&observer);
	cwr_observe_foreigners(&observer);
	cwr_observe_flight(&observer);
	cwr_observe_backlogs(&observer);
	cwr_observe_facts(&observer);
	cwr_observe_cloexec(&observer);
	count_descriptors(model);
	read_waits(&observer);
	cwr_census_free(observer.census);
	if (is_worth_another_look(model))
		look_again(model);
	return NULL;
}
