# SPDX-License-Identifier: MIT
"""A server on Python's multiprocessing that starts a process for each connection and keeps its own
copy of it.

--shape=fork: the process is forked and inherits the connection; forkserver: it is forked by another
one, to which the connection is sent; spawn: it is executed with it.  --fixed: the server closes its
copy.
"""

import contextlib
import multiprocessing
import socket

import target

CLIENTS = 2
EXPECTED = {"fork": "parent-kept-copy", "forkserver": "passed-copy-kept",
            "spawn": "parent-kept-copy"}


def handle(connection, channel):
    while connection.recv(100):
        pass
    connection.close()
    if channel:
        channel.send("served")
        with contextlib.suppress(EOFError):
            channel.recv()


def serve_by_child(context, listener):
    connection, _ = listener.accept()
    process = context.Process(target=handle, args=(connection, None))
    process.start()
    if target.is_fixed():
        connection.close()
    process.join()
    return connection


def serve_by_program(context, listener):
    """It lives on: what an executed program did goes with it."""
    connection, _ = listener.accept()
    ours, theirs = context.Pipe()
    context.Process(target=handle, args=(connection, theirs), daemon=True).start()
    if target.is_fixed():
        connection.close()
    ours.recv()
    return connection, ours


if __name__ == "__main__":
    way = multiprocessing.get_context(target.shape())
    server = socket.create_server(("127.0.0.1", 0))
    serve = serve_by_program if target.shape() == "spawn" else serve_by_child
    target.expect(EXPECTED[target.shape()], "leak", CLIENTS)
    target.say(f"CLIENTS {server.getsockname()[1]} {CLIENTS} drop")
    kept = [serve(way, server) for _ in range(CLIENTS)]
    target.hold()
