# SPDX-License-Identifier: MIT
"""An HTTP client for the interop tests: what it saw, without dates and other passing things."""

import contextlib
import hashlib
import http.client
import http.server
import threading

# What differs from one answer to the next; how long a body is, is seen from the body.
PASSING = ("content-length", "transfer-encoding", "date", "server", "last-modified", "etag", "expires", "x-powered-by", "keep-alive")


def seen(response):
    body = response.read()
    headers = sorted((k.lower(), v) for k, v in response.getheaders() if k.lower() not in PASSING)
    return response.status, headers, hashlib.sha256(body).hexdigest()


def kept_alive(port, path, requests, connections=20):
    """Requests spread over connections that are kept alive; the client hangs up first."""
    found = []
    for _ in range(connections):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(requests // connections):
            connection.request("GET", path)
            found.append(seen(connection.getresponse()))
        connection.close()
    return tally(found)


def one_each(port, path, requests):
    """A connection per request; the server hangs up first."""
    found = []
    for _ in range(requests):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", path, headers={"Connection": "close"})
        found.append(seen(connection.getresponse()))
        connection.close()
    return tally(found)


def post(port, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, body=body)
    answer = seen(connection.getresponse())
    connection.close()
    return answer


def tally(found):
    """Equal answers with their number, in order of first appearance."""
    counts = {}
    for answer in found:
        counts[repr(answer)] = counts.get(repr(answer), 0) + 1
    return counts


class Backend(http.server.BaseHTTPRequestHandler):
    """A small web server in this process, for those that forward to one."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one segment, so nobody waits for a delayed acknowledgement

    def do_GET(self):
        if self.path == "/held":
            self.server.gate.wait(20)
        body = f"{self.path}\n".encode() * 50
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Forwarders reset connections that they no longer need."""


@contextlib.contextmanager
def backend():
    """Serves while the block runs; gives the server.  "/held" is answered once gate is set."""
    server = QuietServer(("127.0.0.1", 0), Backend)
    server.gate = threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
