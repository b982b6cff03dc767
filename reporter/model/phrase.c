/* SPDX-License-Identifier: MIT */
/*
 * Short phrases about findings, as every format for people needs them; see phrase.h.
 */
#include "model/phrase.h"
#include "model/site.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHILDREN_SHOWN = 2 };

const char *cwr_phrase_program(const struct cwr_process *process)
{
	return process->exe ? cwr_site_basename(process->exe) : "unknown program";
}

const char *cwr_phrase_created(const struct cwr_finding *f)
{
	switch (f->nsockets ? f->sockets[0]->role : CWR_ROLE_UNKNOWN) {
	case CWR_ROLE_ACCEPTED:
		return "accepted";
	case CWR_ROLE_CONNECTED:
		return "connected";
	default:
		return "created";
	}
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

void cwr_phrase_counts(const struct cwr_finding *f, char *text, size_t size)
{
	char age[32], oldest[48] = "", site[96] = "";

	if (f->ncalls) {
		snprintf(text, size, "%" PRIu64 " call%s failed", f->ncalls,
			 plural((size_t)f->ncalls));
		return;
	}
	if (f->oldest_s >= 0)
		snprintf(oldest, sizeof(oldest), ", %s%s", f->nsockets > 1 ? "oldest " : "",
			 cwr_text_age(f->oldest_s, age, sizeof(age)));
	if (f->site.known && f->site.created == f->nsockets && f->nsockets > 1)
		snprintf(site, sizeof(site), ", all %zu ever %s here", f->nsockets,
			 cwr_phrase_created(f));
	else if (f->site.known && f->site.created > f->nsockets)
		snprintf(site, sizeof(site), ", of %" PRIu64 " ever %s here", f->site.created,
			 cwr_phrase_created(f));
	snprintf(text, size, "%zu socket%s%s%s", f->nsockets, plural(f->nsockets), oldest, site);
}

static const char *format_life(double seconds, char *text, size_t size)
{
	if (seconds >= 120)
		return cwr_text_age(seconds, text, size);
	if (seconds >= 1)
		snprintf(text, size, "%.1f s", seconds);
	else
		snprintf(text, size, "%.3g ms", seconds * 1e3);
	return text;
}

void cwr_phrase_lives(const struct cwr_finding *f, char *text, size_t size)
{
	const struct cwr_site_stats *site = &f->site;
	char least[32], most[32], middle[32], median[64] = "";

	text[0] = '\0';
	if (!site->known || !site->closed || site->life_max < 0)
		return;
	if (site->life_median >= 0)
		snprintf(median, sizeof(median), ", half of them within about %s",
			 format_life(site->life_median, middle, sizeof(middle)));
	snprintf(text, size, "%" PRIu64 " socket%s %s here, after %s to %s%s.", site->closed,
		 plural((size_t)site->closed), cwr_phrase_created(f),
		 format_life(site->life_min, least, sizeof(least)),
		 format_life(site->life_max, most, sizeof(most)), median);
}

void cwr_phrase_children(const struct cwr_finding *f, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < f->nchildren && i < CHILDREN_SHOWN && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%d", i ? ", " : " -> ",
					 f->children[i]);
	if (f->nchildren > CHILDREN_SHOWN && used < size)
		snprintf(text + used, size - used, ", ... (%zu children)", f->nchildren);
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Of sorted numbers; returns how many are left. */
static size_t drop_repeated(int *numbers, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!kept || numbers[i] != numbers[kept - 1])
			numbers[kept++] = numbers[i];
	return kept;
}

void cwr_phrase_descriptors(const struct cwr_finding *f, const struct cwr_process *process,
			    char *text, size_t size)
{
	CWR_AUTO_FREE int *fds = calloc(f->nsockets, sizeof(*fds));
	size_t n = 0;

	snprintf(text, size, "fd ?");
	if (!fds)
		return;
	for (size_t i = 0; i < f->nsockets; i++)
		if (f->blamed[i]->process == process)
			fds[n++] = f->blamed[i]->fd;
	qsort(fds, n, sizeof(*fds), compare_ints);
	n = drop_repeated(fds, n);
	if (n == 1)
		snprintf(text, size, "fd %d", fds[0]);
	else if (n == 2)
		snprintf(text, size, "fd %d, %d", fds[0], fds[1]);
	else
		snprintf(text, size, "fd %d ... %d", fds[0], fds[n - 1]);
}

void cwr_phrase_unread(const struct cwr_socket *s, char *text, size_t size)
{
	bool has_fin = s->recv_q > 0 && s->peer_has_closed && s->state != CWR_TCP_CLOSE;
	int64_t bytes = s->unread >= 0 ? s->unread : s->recv_q - has_fin;

	if (bytes < 0)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%" PRId64 "%s", bytes, has_fin ? " + EOF" : "");
}

const char *cwr_phrase_evidence(const struct cwr_finding *f, enum cwr_evidence which)
{
	static const char *const labels[CWR_EVIDENCES] = {
		[CWR_EV_FORKED] = "forked",
		[CWR_EV_EXECUTED] = "executed",
		[CWR_EV_PASSED] = "passed",
		[CWR_EV_DUPLICATED] = "duplicated",
		[CWR_EV_EOF] = "EOF read",
		[CWR_EV_SHUTDOWN] = "shut down",
		[CWR_EV_CLOSED_ELSEWHERE] = "closed",
		[CWR_EV_LAST_USE] = "last use",
		[CWR_EV_BLOCKED] = "blocked",
		[CWR_EV_LAST_ACCEPT] = "last accept",
		[CWR_EV_UNPOLLED] = "taken out",
		[CWR_EV_FAILED] = "failed",
	};

	return which == CWR_EV_CREATED ? cwr_phrase_created(f) : labels[which];
}
