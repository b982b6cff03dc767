# SPDX-License-Identifier: MIT
"""memcached: four threads, text protocol, clients that leave without a word."""

import concurrent.futures
import socket

import servers


def client(port, number):
    """Stores and reads back values; odd clients quit, even ones just hang up."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        stream = connection.makefile("rwb")
        seen = []
        for key in range(20):
            value = f"value {number} {key}".encode()
            stream.write(b"set k%d-%d 0 0 %d\r\n%s\r\n" % (number, key, len(value), value))
            stream.flush()
            seen.append(stream.readline())
            stream.write(b"get k%d-%d\r\n" % (number, key))
            stream.flush()
            seen.append([stream.readline() for _ in range(3)])
        if number % 2:
            stream.write(b"quit\r\n")
            stream.flush()
            seen.append(stream.read())
        return seen


def scenario(run):
    port = servers.free_port()
    memcached = run.start("/usr/bin/memcached", "-l", "127.0.0.1", "-p", port, "-U", "0",
                          "-t", "4", port=port, user="nobody")
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        seen = list(pool.map(lambda number: client(port, number), range(200)))
    return [seen, run.stop(memcached)]


def test_memcached():
    servers.compare(scenario, "memcached", servers.version_of("/usr/bin/memcached", "--version"),
                    "200 clients, ten at a time, 40 commands each")
