/* SPDX-License-Identifier: MIT */
/*
 * A server that reads by streams, inside libc, where no preloaded library sees it: it answers up to
 * the end of the stream, and forgets the stream.
 * --fixed: it calls fclose().  --clients=N: how many it serves, 3 unless said.
 */
#include "serve.h"

static void answer_words(FILE *stream)
{
	char word[5];

	while (fread(word, 1, sizeof(word), stream) == sizeof(word))
		TARGET_CHECK(send(fileno(stream), word, sizeof(word), 0) == sizeof(word));
	TARGET_CHECK(feof(stream));
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int count = target_number(argc, argv, "--clients=", 3), listener;
	pid_t clients;

	target_begin();
	target_expect(is_fixed ? NULL : "eof-read-not-closed", "leak", count);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), count, TARGET_TALK);
	for (int i = 0; i < count; i++) {
		FILE *stream = fdopen(take(listener), "r");

		TARGET_CHECK(stream);
		answer_words(stream);
		if (is_fixed)
			fclose(stream);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
