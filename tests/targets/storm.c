/* SPDX-License-Identifier: MIT */
/*
 * Eight threads (or as many as said) make, accept, copy, pass, close and inherit sockets in every
 * way at once, while signals arrive whose handler does so too, and threads are cancelled inside
 * accept and recv.  When all is still, the shim's table in the session file must be exactly what
 * the kernel says of each descriptor.
 *
 *     storm SECONDS SESSION_DIR [SEED [THREADS]]
 *
 * prints AGREE and how many sockets were open and how much was done, or each difference and DIFFER.
 * No thread touches another's descriptors, so whatever differs is the shim's doing.
 */
#include "target.h"

#include <pthread.h>
#include <dirent.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "cwshim/session.h"
#include "raw_call.h"

enum { THREADS = 8, THREADS_MAX = 64, KEPT = 24, HIGHEST = 4096 };

static atomic_bool is_over;
static atomic_long done;
static int listener;
static struct sockaddr_in address;
static char *const nothing[] = {"true", NULL};

/* A thread's own descriptors. */
struct shelf {
	int fds[KEPT];
	unsigned int n;
	unsigned int random;
};

static unsigned int roll(struct shelf *shelf, unsigned int sides)
{
	shelf->random = shelf->random * 1103515245u + 12345u;
	return (shelf->random >> 16) % sides;
}

static void keep(struct shelf *shelf, int fd)
{
	if (fd < 0)
		return;
	if (shelf->n == KEPT)
		close(shelf->fds[--shelf->n]);
	shelf->fds[shelf->n++] = fd;
}

static int take(struct shelf *shelf)
{
	unsigned int at = shelf->n ? roll(shelf, shelf->n) : 0;
	int fd = shelf->n ? shelf->fds[at] : -1;

	if (fd >= 0)
		shelf->fds[at] = shelf->fds[--shelf->n];
	return fd;
}

/* Never waits: when nobody accepts for a moment, the listener's queue is full. */
static int connect_out(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static void meet(struct shelf *shelf)
{
	keep(shelf, connect_out());
	for (int i = 0; i < 2; i++)
		keep(shelf, accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

static void copy(struct shelf *shelf)
{
	int fd = take(shelf);

	if (fd < 0)
		return;
	switch (roll(shelf, 4)) {
	case 0:
		keep(shelf, dup(fd));
		break;
	case 1:
		keep(shelf, fcntl(fd, F_DUPFD_CLOEXEC, 0));
		break;
	case 2: {
		int other = take(shelf);

		if (other >= 0)
			keep(shelf, dup2(fd, other));
		break;
	}
	default:
		keep(shelf, dup3(fd, open("/dev/null", O_RDONLY), O_CLOEXEC));
		break;
	}
	keep(shelf, fd);
}

static void drop(struct shelf *shelf)
{
	int fd = take(shelf);
	FILE *stream;

	if (fd < 0)
		return;
	switch (roll(shelf, 4)) {
	case 0:
		close_range((unsigned int)fd, (unsigned int)fd, 0);
		break;
	case 1:
		syscall(SYS_close, fd);
		break;
	case 2:
		stream = fdopen(fd, "r");
		if (stream)
			fclose(stream);
		else
			close(fd);
		break;
	default:
		close(fd);
		break;
	}
}

static void read_on(struct shelf *shelf)
{
	int fd = take(shelf);
	char text[16];

	if (fd < 0)
		return;
	send(fd, "storm", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
	recv(fd, text, sizeof(text), MSG_DONTWAIT);
	if (roll(shelf, 4) == 0)
		shutdown(fd, SHUT_WR);
	keep(shelf, fd);
}

/* Sends one of the descriptors to itself: it arrives under another number. */
static void pass(struct shelf *shelf)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
	int fd = take(shelf), ends[2], got;

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		keep(shelf, fd);
		return;
	}
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(ends[0], &msg, 0) == 1 && recvmsg(ends[1], &msg, MSG_CMSG_CLOEXEC) == 1 &&
	    CMSG_FIRSTHDR(&msg)) {
		memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
		keep(shelf, got);
	}
	close(ends[0]);
	close(ends[1]);
	keep(shelf, fd);
}

static void reap(pid_t pid)
{
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void beget(struct shelf *shelf)
{
	pid_t pid = -1;

	switch (roll(shelf, 4)) {
	case 0:
		pid = fork();
		if (pid == 0) {
			meet(shelf);
			drop(shelf);
			drop(shelf);
			_exit(0);
		}
		break;
	case 1:
		pid = vfork();
		if (pid == 0) {
			close(shelf->n ? shelf->fds[0] : -1);
			dup2(STDERR_FILENO, HIGHEST + 1);
			execv("/bin/true", nothing);
			_exit(127);
		}
		break;
	case 2:
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, nothing, environ) != 0)
			pid = -1;
		break;
	default:
		pid = fork();
		if (pid == 0) {
			execv("/bin/true", nothing);
			_exit(127);
		}
		break;
	}
	reap(pid);
}

/* Blocks in accept() on a listener that nobody knows, or in recv() on a silent connection. */
static void *wait_for_nobody(void *arg)
{
	int fd = *(int *)arg;
	char byte;

	for (;;)
		if (accept(fd, NULL, NULL) < 0)
			recv(fd, &byte, 1, 0);
	return NULL;
}

/*
 * A thread is cancelled while it is blocked.  It takes no signals: where a handler's accept() is
 * cancelled just after it succeeded, glibc itself loses the descriptor (its bug 12683).
 */
static void cancel_one(struct shelf *shelf)
{
	int fd = roll(shelf, 2) ? connect_out() : target_listen(0);
	sigset_t alarms, before;
	pthread_t thread;
	int error;

	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, 0);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGPROF);
	pthread_sigmask(SIG_BLOCK, &alarms, &before);
	error = pthread_create(&thread, NULL, wait_for_nobody, &fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error) {
		sched_yield();
		pthread_cancel(thread);
		pthread_join(thread, NULL);
	}
	close(fd);
}

static void *storm(void *arg)
{
	struct shelf *shelf = arg;

	while (!atomic_load(&is_over)) {
		unsigned int what = roll(shelf, 100);

		if (what < 30)
			meet(shelf);
		else if (what < 50)
			copy(shelf);
		else if (what < 75)
			drop(shelf);
		else if (what < 90)
			read_on(shelf);
		else if (what < 96)
			pass(shelf);
		else if (what < 98)
			cancel_one(shelf);
		else
			beget(shelf);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

/* Async-signal-safe calls, as a handler may make them, on descriptors of its own. */
static void on_alarm(int number)
{
	int error = errno, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), other;

	(void)number;
	other = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (other >= 0)
		close(other);
	if (fd >= 0) {
		other = dup(fd);
		close(fd);
		if (other >= 0)
			close(other);
	}
	errno = error;
}

static void *map_session(const char *directory)
{
	char prefix[32], path[4096] = "";
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(directory);
	void *at;
	int fd;

	TARGET_CHECK(dir);
	snprintf(prefix, sizeof(prefix), "%d-", getpid());
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
	closedir(dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	TARGET_CHECK(fd >= 0);
	TARGET_CHECK(fstat(fd, &st) == 0);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	TARGET_CHECK(at != MAP_FAILED);
	close(fd);
	return at;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_INET)
		return 0;
	size = sizeof(cookie);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	return cookie;
}

static int compare(const struct cw_session_header *session)
{
	const struct cw_section *section = &session->section[CW_SECTION_SLOTS];
	const struct cw_slot *slots = (const void *)((const char *)session + section->offset);
	int open = 0, differences = 0;

	for (int fd = 0; fd < HIGHEST; fd++) {
		uint64_t kernel = cookie_of(fd);
		bool is_live = (uint32_t)fd < section->used && slots[fd].flags & CW_SLOT_LIVE;
		uint64_t table = is_live ? slots[fd].cookie : 0;

		open += kernel != 0;
		if (kernel == table)
			continue;
		differences++;
		printf("fd %d: kernel %#llx, table %#llx\n", fd, (unsigned long long)kernel,
		       (unsigned long long)table);
	}
	printf("%s open=%d done=%ld lost=%llu off=%u\n", differences ? "DIFFER" : "AGREE", open,
	       atomic_load(&done), (unsigned long long)(session->lost_slots + session->lost_stacks),
	       session->off);
	return differences;
}

int main(int argc, char **argv)
{
	static struct shelf shelves[THREADS_MAX];
	struct itimerval every = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	int seconds = argc > 1 ? atoi(argv[1]) : 30;
	unsigned int seed = argc > 3 ? (unsigned int)atoi(argv[3]) : 1;
	int n = argc > 4 ? atoi(argv[4]) : THREADS;
	pthread_t threads[THREADS_MAX];
	struct timespec now, end;

	target_begin();
	alarm((unsigned int)seconds + TARGET_DEADLINE_S);
	TARGET_CHECK(argc > 2 && n > 0 && n <= THREADS_MAX);
	listener = target_listen(0);
	address = target_address(target_port(listener));
	TARGET_CHECK(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
	sigaction(SIGPROF, &action, NULL);
	for (int i = 0; i < n; i++) {
		shelves[i].random = (unsigned int)i * 7919u + seed;
		TARGET_CHECK(pthread_create(&threads[i], NULL, storm, &shelves[i]) == 0);
	}
	setitimer(ITIMER_PROF, &every, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	do
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
	while (clock_gettime(CLOCK_MONOTONIC, &now) == 0 && now.tv_sec < end.tv_sec);
	atomic_store(&is_over, true);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	setitimer(ITIMER_PROF, &never, NULL);
	return compare(map_session(argv[2])) ? 1 : 0;
}
