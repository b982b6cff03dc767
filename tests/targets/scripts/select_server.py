# SPDX-License-Identifier: MIT
"""Servers in Python that do not close, in shapes of poll(), select() and threads.

--shape=poll: taken out of a poll() loop; select: of a select() loop; paused: polled without input;
forgotten: accepted and never looked at; send: a thread sends to a client that takes nothing;
reset: the connection is reset, and the exception is swallowed; stream: the client has ended its
half, and the server goes on sending.
--fixed: each is read to its end and closed.
"""

import select
import socket
import struct
import threading
import time

import target

SHAPES = {
    "poll": ("not-polled", "leak", 3, "drop"),
    "select": ("not-polled", "leak", 3, "drop"),
    "paused": ("reading-paused", "stall", 3, "drop"),
    "forgotten": ("never-used", "leak", 3, "silent"),
    "send": ("blocked-in-send", "stall", 1, "deaf"),
    "reset": ("reset-not-closed", "leak", 3, None),
    "stream": ("half-open-in-use", "in-use", 1, "half"),
}
PART = 2
cause, verdict, count, manner = SHAPES[target.shape()]
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
kept = []


def start(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


def read_to_end(connection):
    try:
        while connection.recv(100):
            pass
    except ConnectionResetError:
        pass


class Polling:
    """A loop on poll()."""

    def __init__(self):
        self.poll = select.poll()

    def add(self, connection, reads=True):
        self.poll.register(connection, select.POLLIN if reads else select.POLLPRI)

    def remove(self, connection):
        self.poll.unregister(connection)

    def wait(self):
        return [fd for fd, _ in self.poll.poll()]


class Selecting:
    """A loop on select()."""

    def __init__(self):
        self.watched = {}

    def add(self, connection):
        self.watched[connection.fileno()] = connection

    def remove(self, connection):
        del self.watched[connection.fileno()]

    def wait(self):
        return select.select(list(self.watched), [], [])[0]


def run(loop):
    """A part of each is read, and then it is out of the loop, or without input in it."""
    while True:
        for fd in loop.wait():
            [connection] = [known for known in kept if known.fileno() == fd]
            assert connection.recv(PART)
            loop.remove(connection)
            if target.shape() == "paused":
                loop.add(connection, reads=False)
            left.release()


left = threading.Semaphore(0)


def make_living():
    client = socket.create_connection(("127.0.0.1", port))
    kept.extend([client, listener.accept()[0]])
    return client, kept[-1]


def play_loop():
    loop = Selecting() if target.shape() == "select" else Polling()
    _, living = make_living()
    loop.add(living)
    for connection in kept[2:] + waiting:
        loop.add(connection)
    kept.extend(waiting)
    start(run, loop)
    for _ in range(count):
        left.acquire()


def play_forgotten():
    kept.extend(waiting)
    target.wait_tick()
    client, living = make_living()
    client.send(b"hi")
    assert living.recv(PART)
    start(living.recv, PART)


def send_for_ever(connection):
    while True:
        connection.sendall(bytes(4096))


def stream(connection):
    read_to_end(connection)
    while True:
        connection.sendall(b"more\n")
        time.sleep(0.05)


def play_alone(function):
    kept.extend(waiting)
    start(function, waiting[0])


def reset_by_peer():
    client = socket.create_connection(("127.0.0.1", port))
    connection, _ = listener.accept()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    return connection


target.expect(cause, verdict, count)
if manner:
    target.say(f"CLIENTS {port} {count} {manner}")
    waiting = [listener.accept()[0] for _ in range(count)]
else:
    waiting = [reset_by_peer() for _ in range(count)]
if target.is_fixed():
    for accepted in waiting:
        if target.shape() != "send":
            read_to_end(accepted)
        accepted.close()
else:
    for accepted in waiting:
        target.wait_fin(accepted.fileno())
    if target.shape() in ("poll", "select", "paused"):
        play_loop()
    elif target.shape() == "forgotten":
        play_forgotten()
    elif target.shape() == "reset":
        kept.extend(waiting)
        for accepted in waiting:
            read_to_end(accepted)
    else:
        play_alone(send_for_ever if target.shape() == "send" else stream)
        time.sleep(0.3)  # until it is in the thick of it
target.hold()
