# SPDX-License-Identifier: MIT
"""A server on Python's multiprocessing and subprocess whose connections others keep.

--shape=sent: connections are sent to a worker (reduction.send_handle), and the sender keeps its own;
helper: a worker is forked while a connection is open; program: one is executed, with descriptors
left open.  --fixed: as it should be.
"""

import multiprocessing
import os
import socket
import subprocess
import sys
from multiprocessing import reduction

import target

CLIENTS = 3
EXPECTED = {"sent": ("passed-copy-kept", CLIENTS), "helper": ("child-kept-copy", 1),
            "program": ("leaked-through-exec", 1)}
fork = multiprocessing.get_context("fork")


def read_to_end(connection):
    while connection.recv(100):
        pass
    connection.close()


def await_end(channel):
    try:
        channel.recv()
    except EOFError:
        pass


def work(channel, other):
    other.close()
    for _ in range(CLIENTS):
        read_to_end(socket.socket(fileno=reduction.recv_handle(channel)))
        channel.send("served")
    await_end(channel)


def send_all(listener):
    ours, theirs = fork.Pipe()
    worker = fork.Process(target=work, args=(theirs, ours))
    worker.start()
    kept = []
    for _ in range(CLIENTS):
        connection, _ = listener.accept()
        reduction.send_handle(ours, connection.fileno(), worker.pid)
        ours.recv()
        if target.is_fixed():
            connection.close()
        else:
            kept.append(connection)
    return worker, ours, kept


def wait_for(channel, other, connection):
    other.close()
    if target.is_fixed():
        connection.close()
    channel.send("here")
    await_end(channel)


def fork_helper(listener):
    ours, theirs = fork.Pipe()
    connection, _ = listener.accept()
    helper = fork.Process(target=wait_for, args=(theirs, ours, connection))
    helper.start()
    ours.recv()
    read_to_end(connection)
    return helper, ours, None


def execute_program(listener):
    connection, _ = listener.accept()
    os.set_inheritable(connection.fileno(), not target.is_fixed())
    program = subprocess.Popen([sys.executable, "-S", "-c", "print(1, flush=True); input()"],
                               close_fds=False, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    program.stdout.readline()
    read_to_end(connection)
    return program


server = socket.create_server(("127.0.0.1", 0))
cause, count = EXPECTED[target.shape()]
target.expect(cause, "leak", count)
target.say(f"CLIENTS {server.getsockname()[1]} {count} drop")
held = {"sent": send_all, "helper": fork_helper, "program": execute_program}[target.shape()](server)
target.hold()
if target.shape() == "program":
    held.communicate(b"\n")
else:
    child, channel, kept = held
    channel.send("end")
    child.join()
