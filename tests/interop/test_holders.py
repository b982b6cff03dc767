# SPDX-License-Identifier: MIT
"""Real servers with live connections: who holds them, by the report, is who holds them by /proc.

`cwshim report --all` lists for each open socket every process and descriptor.  Both are taken while
clients are connected, and compared by inode number, listeners included."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

import servers
import test_apache
import test_openssh
import test_php_fpm
import test_postgresql
import test_python

CLIENTS = 4
ESTABLISHED, LISTEN = "01", "0A"


def inodes_at(port):
    """The server's ends of connections to the port, and its listeners."""
    found = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[1].split(":")[1], 16) == port and words[3] in (ESTABLISHED, LISTEN):
            found.add(int(words[9]))
    return found - {0}


def sockets_of(pid):
    """(descriptor, inode) of each socket of the process, which may go away meanwhile."""
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                what = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
                if what:
                    yield int(fd), int(what[1])


def holders_by_proc(inodes):
    """{inode: {(pid, fd)}}"""
    found = {inode: set() for inode in inodes}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for fd, inode in sockets_of(pid):
            if inode in found:
                found[inode].add((int(pid), fd))
    return found


def holders_by_report(run, inodes):
    done = run.cwshim("report", "--format=json", "--all")
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    return {sock["inode"]: {(h["pid"], h["fd"]) for h in sock["holders"]}
            for sock in report["sockets"] if sock["inode"] in inodes}


def check_holders(run, port):
    """Servers fork and end children as they like: compared when /proc said the same twice."""
    def look():
        inodes = inodes_at(port)
        before = holders_by_proc(inodes)
        told = holders_by_report(run, inodes)
        after = holders_by_proc(inodes_at(port))
        return before == after and len(before) > CLIENTS and (before, told)

    before, told = servers.wait_until(look, "/proc says the same twice")
    assert all(before.values())
    assert told == before
    return before


def connect(port, greeting=b""):
    connection = socket.create_connection(("127.0.0.1", port), 20)
    if greeting:
        connection.sendall(greeting)
        assert connection.recv(1000)
    return connection


def close_all(connections):
    for connection in connections:
        connection.close()


def apache(run):
    port = servers.free_port()
    run.file("site/index.html", "<p>hello</p>\n")
    text = test_apache.CONFIG.replace("KeepAliveTimeout 5", "KeepAliveTimeout 120")
    config = run.file("httpd.conf", text.format(d=run.directory, port=port,
                                                m="/usr/lib/apache2/modules"))
    server = run.start("/usr/sbin/apache2", "-DFOREGROUND", "-f", config, port=port)
    clients = [http.client.HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(CLIENTS)]
    for client in clients:
        client.request("GET", "/index.html")
        assert client.getresponse().read() == b"<p>hello</p>\n"
    return server, port, lambda: close_all(clients)


def postgresql(run):
    port, data = servers.free_port(), run.own("data", "postgres")
    user = servers.user_for("postgres")
    made = run.client(f"{test_postgresql.binaries()}/initdb", "-D", data, "-A", "trust", "-U",
                      "postgres", "-N", **user)
    assert made.returncode == 0, made.stderr
    server = run.start(f"{test_postgresql.binaries()}/postgres", "-D", data, "-h", "127.0.0.1",
                       "-p", port, "-k", "", "-c", "fsync=off", port=port, user="postgres")
    ready = [f"{test_postgresql.binaries()}/pg_isready", "-q", "-h", "127.0.0.1", "-p", port]
    servers.wait_until(lambda: run.client(*ready).returncode == 0, "postgres is ready")
    clients = [subprocess.Popen([f"{test_postgresql.binaries()}/psql", "-X", "-At", "-h",
                                 "127.0.0.1", "-p", str(port), "-U", "postgres"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
               for _ in range(CLIENTS)]
    for client in clients:
        client.stdin.write("select 41 + 1;\n")
        client.stdin.flush()
        assert client.stdout.readline() == "42\n"

    def hang_up():
        for client in clients:
            client.communicate(timeout=servers.DEADLINE_S)
    return server, port, hang_up


def openssh(run):
    server, port = test_openssh.start(run)
    clients = [connect(port, b"SSH-2.0-test\r\n") for _ in range(CLIENTS)]
    return server, port, lambda: close_all(clients)


def php_fpm(run):
    port = servers.free_port()
    text = test_php_fpm.POOL.replace("pm = dynamic", "pm = static").replace(
        "pm.max_children = 4", f"pm.max_children = {CLIENTS + 2}")
    config = run.file("fpm.conf", text.format(d=run.directory, fpm=port))
    server = run.start(test_php_fpm.binary(), "-F", "-y", config, "-n", port=port)
    clients = [connect(port) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"\1")  # the beginning of a record: a connection that says nothing is closed
    return server, port, lambda: close_all(clients)


def python(run):
    port = servers.free_port()
    program = run.file("server.py", test_python.MULTIPROCESSING)
    server = run.start("/usr/bin/python3", program, port, port=port)
    clients = [connect(port, b"some words\n") for _ in range(CLIENTS)]
    return server, port, lambda: close_all(clients)


@pytest.mark.parametrize("start, number", [
    (apache, signal.SIGTERM), (postgresql, signal.SIGINT), (openssh, signal.SIGTERM),
    (php_fpm, signal.SIGTERM), (python, signal.SIGTERM)],
    ids=["apache2 prefork", "postgresql", "openssh", "php-fpm", "python multiprocessing"])
def test_holders_are_those_of_proc(start, number):
    with servers.new_run(is_shimmed=True) as run:
        server, port, hang_up = start(run)
        try:
            check_holders(run, port)
        finally:
            hang_up()
        run.stop(server, number)
        servers.check_reports(run)
