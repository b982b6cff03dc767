/* SPDX-License-Identifier: MIT */
/*
 * A process that does to its descriptors what it is told, as do the processes that it makes: so a
 * test can build any tree of them.  See tests/e2e/puppets.py.
 *
 *     puppet --dir=DIR --name=NAME
 *
 * It reads commands, a line each, from the FIFO DIR/NAME, and answers each by a line
 * `DONE name pid result` on standard output.  At the end of its input it ends.  Each call that a
 * report may name has a line of its own, told at the start: `MARK created=take:41`.
 */
#include "target.h"

#include <limits.h>
#include <pthread.h>
#include <spawn.h>

struct command {
	const char *name;
	int (*run)(int number, const char *word);
};

static const char *dir, *name;
static FILE *input;

static void answer(int result)
{
	char line[128];
	int size = snprintf(line, sizeof(line), "DONE %s %d %d\n", name, (int)getpid(), result);

	TARGET_CHECK(write(STDOUT_FILENO, line, (size_t)size) == size); /* in one piece */
}

/* --- Connections. --- */

static int open_listener(int number, const char *word)
{
	int fd = target_listen(0);

	(void)number, (void)word;
	printf("PORT %d\n", target_port(fd));
	fflush(stdout);
	return fd;
}

static int take(int number, const char *word)
{
	(void)word;
	MARK_NEXT(created);
	return accept(number, NULL, NULL);
}

static int take_cloexec(int number, const char *word)
{
	(void)word;
	return accept4(number, NULL, NULL, SOCK_CLOEXEC);
}

static int read_some(int number, const char *word)
{
	char text[64];

	(void)word;
	MARK_NEXT(eof);
	return (int)read(number, text, sizeof(text));
}

static int write_some(int number, const char *word)
{
	(void)word;
	return (int)send(number, "answer", 6, MSG_NOSIGNAL);
}

static int shut(int number, const char *word)
{
	(void)word;
	MARK_NEXT(shutdown);
	return shutdown(number, SHUT_WR);
}

static int shut_number(int number, const char *word)
{
	(void)word;
	MARK_NEXT(closed_elsewhere);
	return close(number);
}

static int duplicate(int number, const char *word)
{
	(void)word;
	MARK_NEXT(duplicated);
	return dup(number);
}

/* --- Messages, between the ends of a pair: both numbers are in the answer. --- */

enum { PAIR_BASE = 1000 };

static int make_pair(int number, const char *word)
{
	int ends[2];

	(void)number, (void)word;
	TARGET_CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
	return ends[0] * PAIR_BASE + ends[1];
}

struct right {
	char byte;
	struct iovec part;
	struct msghdr message;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static void prepare(struct right *right)
{
	memset(right, 0, sizeof(*right));
	right->part = (struct iovec){&right->byte, 1};
	right->message = (struct msghdr){.msg_iov = &right->part,
					 .msg_iovlen = 1,
					 .msg_control = right->control,
					 .msg_controllen = sizeof(right->control)};
}

/* send FD END */
static int send_number(int number, const char *word)
{
	struct right right;
	struct cmsghdr *head;

	prepare(&right);
	head = CMSG_FIRSTHDR(&right.message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &number, sizeof(number));
	MARK_NEXT(passed);
	return (int)sendmsg(atoi(word), &right.message, 0);
}

static int receive_number(int number, const char *word)
{
	struct right right;
	struct cmsghdr *head;
	int fd = -1;

	(void)word;
	prepare(&right);
	TARGET_CHECK(recvmsg(number, &right.message, 0) == 1);
	head = CMSG_FIRSTHDR(&right.message);
	if (head)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* --- Processes. --- */

static void become(const char *new_name)
{
	char path[PATH_MAX];

	name = strdup(new_name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (input)
		fclose(input);
	input = fopen(path, "re");
	TARGET_CHECK(input);
	setvbuf(input, NULL, _IONBF, 0); /* an image after this one reads on */
	answer(0);
}

static void obey(void) __attribute__((noreturn));

/* In the child it does not return. */
static pid_t tell_child(pid_t pid, const char *child_name)
{
	TARGET_CHECK(pid >= 0);
	if (pid > 0)
		return pid;
	alarm(TARGET_DEADLINE_S);
	become(child_name);
	obey();
}

static int make_child(int number, const char *word)
{
	pid_t pid;

	(void)number;
	MARK_NEXT(forked);
	pid = fork();
	return tell_child(pid, word);
}

/* Another place that forks. */
static int make_helper(int number, const char *word)
{
	pid_t pid;

	(void)number;
	MARK_NEXT(forked);
	pid = fork();
	return tell_child(pid, word);
}

/* What another image is started with. */
struct image {
	char path[PATH_MAX], dir_word[PATH_MAX], name_word[64];
	char *argv[4];
	char *empty[1];
	char **env;
};

/* same: this program; bare: in an empty environment; static: it has no loader either. */
static void choose_image(struct image *image, const char *kind, const char *new_name)
{
	ssize_t size = readlink("/proc/self/exe", image->path, sizeof(image->path) - 16);
	bool is_static = strcmp(kind, "static") == 0;

	TARGET_CHECK(size > 0);
	image->path[size] = 0;
	if (is_static)
		strcpy(image->path + size, "_static");
	snprintf(image->dir_word, sizeof(image->dir_word), "--dir=%s", dir);
	snprintf(image->name_word, sizeof(image->name_word), "--name=%s", new_name);
	image->argv[0] = image->path;
	image->argv[1] = image->dir_word;
	image->argv[2] = image->name_word;
	image->argv[3] = image->empty[0] = NULL;
	image->env = strcmp(kind, "bare") == 0 ? image->empty : environ;
}

static int execute(int number, const char *word)
{
	struct image image;

	(void)number;
	choose_image(&image, word, name);
	MARK_NEXT(executed);
	return execve(image.path, image.argv, image.env);
}

/* spawn 0 NAME, of this same program */
static int spawn(int number, const char *word)
{
	struct image image;
	pid_t pid;

	(void)number;
	choose_image(&image, "same", word);
	MARK_NEXT(executed);
	TARGET_CHECK(posix_spawn(&pid, image.path, NULL, NULL, image.argv, image.env) == 0);
	return pid;
}

static int leave_session(int number, const char *word)
{
	(void)number, (void)word;
	return setsid() > 0 ? 0 : -1;
}

static int reap(int number, const char *word)
{
	(void)word;
	return waitpid(number, NULL, 0);
}

static int end(int number, const char *word)
{
	(void)word;
	answer(0);
	exit(number);
}

static const struct command commands[] = {
	{"listen", open_listener},
	{"accept", take},
	{"accept_cloexec", take_cloexec},
	{"read", read_some},
	{"write", write_some},
	{"shutdown", shut},
	{"close", shut_number},
	{"dup", duplicate},
	{"pair", make_pair},
	{"send", send_number},
	{"receive", receive_number},
	{"fork", make_child},
	{"fork_helper", make_helper},
	{"exec", execute},
	{"spawn", spawn},
	{"setsid", leave_session},
	{"wait", reap},
	{"exit", end},
};

/* --- Orders. --- */

struct order {
	const struct command *command;
	int number;
	char word[64];
	int result;
};

static void *carry_out(void *context)
{
	struct order *order = context;

	order->result = order->command->run(order->number, order->word);
	return NULL;
}

static void carry_out_in_thread(struct order *order)
{
	pthread_t thread;

	TARGET_CHECK(pthread_create(&thread, NULL, carry_out, order) == 0);
	TARGET_CHECK(pthread_join(thread, NULL) == 0);
}

static const struct command *find_command(const char *word)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, word) == 0)
			return &commands[i];
	errno = EINVAL;
	target_die(word);
	return NULL;
}

/* COMMAND NUMBER [WORD]; with a + before it a thread of its own does it. */
static void obey(void)
{
	char line[256], verb[64];

	while (fgets(line, sizeof(line), input)) {
		struct order order = {.result = -1};

		TARGET_CHECK(sscanf(line, "%63s %d %63s", verb, &order.number, order.word) >= 2);
		order.command = find_command(verb + (verb[0] == '+'));
		if (verb[0] == '+')
			carry_out_in_thread(&order);
		else
			carry_out(&order);
		answer(order.result);
	}
	exit(0);
}

static const char *option(int argc, char **argv, const char *prefix)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], prefix, strlen(prefix)) == 0)
			return argv[i] + strlen(prefix);
	errno = EINVAL;
	target_die(prefix);
	return NULL;
}

int main(int argc, char **argv)
{
	target_begin();
	dir = option(argc, argv, "--dir=");
	for (const struct target_mark *const *mark = __start_target_marks;
	     mark < __stop_target_marks; mark++)
		printf("MARK %s=%s:%d\n", (*mark)->stack, (*mark)->function, (*mark)->line);
	fflush(stdout);
	become(option(argc, argv, "--name="));
	obey();
}
