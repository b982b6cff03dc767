# SPDX-License-Identifier: MIT
"""Small tools: socat that forks, openssl s_server, and curl as a client under the shim."""

import socket
import ssl

import servers
import web


def echo(port, number):
    """Sends, closes the writing half, and reads to the end, as a filter's client does."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(f"words of client {number}\n".encode() * 100)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def socat(run):
    port = servers.free_port()
    server = run.start("/usr/bin/socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork",
                       "EXEC:'/usr/bin/tr a-z A-Z'", port=port)
    return [[echo(port, number) for number in range(30)], run.stop(server)]


def test_socat():
    version = servers.version_of("dpkg-query", "-W", "socat")
    servers.compare(socat, "socat", version, "30 clients, a child and a program each")


def fetch(port, context):
    with socket.create_connection(("127.0.0.1", port), 20) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"GET /page HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b""))


def openssl(run):
    port = servers.free_port()
    run.file("page", "some text\n" * 2000)
    made = run.client("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                      "-subj", "/CN=localhost", "-keyout", run.directory / "key.pem",
                      "-out", run.directory / "cert.pem")
    assert made.returncode == 0, made.stderr
    server = run.start("/usr/bin/openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-HTTP",
                       "-quiet", "-cert", "cert.pem", "-key", "key.pem", port=port)
    context = ssl.create_default_context(cafile=run.directory / "cert.pem")
    context.check_hostname = False
    return [[fetch(port, context) for _ in range(30)], run.stop(server)]


def test_openssl_s_server():
    servers.compare(openssl, "openssl s_server", servers.version_of("/usr/bin/openssl", "version"),
                    "30 TLS clients")


def fetch_by_curl(run, url, names):
    answer = run.directory / f"answer-{names[0]}"
    with open(answer, "wb") as output:
        return answer, run.start("/usr/bin/curl", "-s", "-S", *[url + name for name in names],
                                 stdout=output)


def curl(run):
    with web.backend() as backend:
        url = f"http://127.0.0.1:{backend.server_port}/"
        answer, several = fetch_by_curl(run, url, ["a", "b", "c"])
        seen = [several.wait(timeout=servers.DEADLINE_S), answer.read_bytes()]
        answer, held = fetch_by_curl(run, url, ["held"])
        if run.is_shimmed:
            servers.wait_until(run.sessions_listed, "curl's session")
        run.observe()
        backend.gate.set()
        seen += [held.wait(timeout=servers.DEADLINE_S), answer.read_bytes()]
    _, refused = fetch_by_curl(run, f"http://127.0.0.1:{servers.free_port()}/", ["refused"])
    return seen + [refused.wait(timeout=servers.DEADLINE_S)]


def test_curl():
    servers.compare(curl, "curl", servers.version_of("/usr/bin/curl", "--version"),
                    "several files over one connection, a slow answer, a refused connection")
