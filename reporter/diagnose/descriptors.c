/* SPDX-License-Identifier: MIT */
/*
 * Prepared answers about the open descriptors of a process; see index.h.  They are found out at the
 * first question.
 */
#include "diagnose/index.h"

#include "diagnose/facts.h"
#include "diagnose/waits.h"

/* The last word of a key: what it is the key of; none of those of index.c. */
enum kind { POLLED = 16, OPEN, OPENS };

struct count {
	size_t n;
	bool is_known;
};

struct open {
	const struct cwr_holder *holder;
};

static uint64_t word(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static bool is_polled(const struct cwr_socket *socket, const struct cwr_process *process, pid_t tid)
{
	const struct cwr_holder *holder = cwr_fact_open_in(socket, process);

	return holder && cwr_waits_is_awaited_by(socket, holder, tid);
}

static size_t count_polled(const struct cwr_process *process, enum cwr_role role, pid_t tid)
{
	size_t n = 0;

	for (const struct cwr_holder *h = process->holders; h; h = h->next_in_process)
		n += h->socket->role == role && cwr_fact_open_in(h->socket, process) == h &&
		     cwr_waits_is_awaited_by(h->socket, h, tid);
	return n;
}

bool cwr_index_has_polled_sibling(const struct cwr_model *model, const struct cwr_socket *socket,
				  const struct cwr_process *process, pid_t tid)
{
	const struct cwr_key key = {{word(process), socket->role, (uint64_t)tid, 0, 0, POLLED}};
	struct count *count = cwr_table_get(&model->index->table, &key, sizeof(*count));

	if (!count->is_known)
		count->n = count_polled(process, socket->role, tid);
	count->is_known = true;
	return count->n > is_polled(socket, process, tid);
}

static void add_open(struct cwr_index *index, const struct cwr_process *process)
{
	for (const struct cwr_holder *h = process->holders; h; h = h->next_in_process) {
		const struct cwr_key key = {{word(process), (uint64_t)h->fd, 0, 0, 0, OPEN}};
		struct open *open;

		if (!h->is_open)
			continue;
		open = cwr_table_get(&index->table, &key, sizeof(*open));
		open->holder = h;
	}
}

const struct cwr_holder *cwr_index_open_at(const struct cwr_model *model,
					   const struct cwr_process *process, int fd)
{
	const struct cwr_key whole = {{word(process), 0, 0, 0, 0, OPENS}};
	const struct cwr_key key = {{word(process), (uint64_t)fd, 0, 0, 0, OPEN}};
	struct count *count = cwr_table_get(&model->index->table, &whole, sizeof(*count));
	const struct open *open;

	if (!count->is_known)
		add_open(model->index, process);
	count->is_known = true;
	open = cwr_table_find(&model->index->table, &key);
	return open ? open->holder : NULL;
}
