// SPDX-License-Identifier: MIT
//
// A leak in C++ whose accept() stands in a function that is inlined twice: the report must show the
// inlined functions, with their full names and the lines of the calls.

#include "target.h"

namespace shop
{
namespace
{
class Server
{
      public:
	explicit Server(int descriptor) : listener(descriptor)
	{
	}

	__attribute__((always_inline)) inline int take() const
	{
		MARK_NEXT(created);
		int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
		TARGET_CHECK(fd >= 0);
		return fd;
	}

	__attribute__((always_inline)) inline int next(int number) const
	{
		printf("SERVING %d\n", number);
		int fd = take();
		target_wait_event(fd, POLLIN);
		return fd;
	}

      private:
	int listener;
};

__attribute__((noinline)) void serve_one(const Server &server, int number)
{
	int fd = server.next(number);
	char text[64];

	while (read(fd, text, sizeof(text)) > 0)
		;
}
} // namespace
} // namespace shop

int main(int argc, char **argv)
{
	int count = target_number(argc, argv, "--clients=", 2);

	target_begin();
	target_expect("eof-read-not-closed", "leak", count);
	int listener = target_listen(0);
	pid_t clients = target_start_clients(target_port(listener), count, TARGET_DROP);
	for (int i = 0; i < count; i++)
		shop::serve_one(shop::Server(listener), i);
	target_end_clients(clients);
	target_hold();
	return 0;
}
