# SPDX-License-Identifier: MIT
"""Clients of the line servers: each sends a few lines, reads an answer to each, and hangs up."""

import concurrent.futures
import socket


def client(port, number, count):
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        stream = connection.makefile("rwb")
        seen = []
        for line in range(count):
            stream.write(f"client {number} line {line}\n".encode())
            stream.flush()
            seen.append(stream.readline())
        return seen


def clients(port, number, at_once=8, count=3):
    """What `number` clients saw, in their order, `at_once` of them at a time."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda n: client(port, n, count), range(number)))
