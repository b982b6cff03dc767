# SPDX-License-Identifier: MIT
"""Servers on Python's socketserver that forget to close.

--shape=forgotten: a thread for each connection, and shutdown_request() closes nothing;
shutdown: it only shuts the connection down; forking: a child for each, and the parent forgets.
--fixed: as socketserver does it.
"""

import socket
import socketserver
import threading
import time

import target

CLIENTS = 3
EXPECTED = {"forgotten": "eof-read-not-closed", "shutdown": "shutdown-not-closed",
            "forking": "parent-kept-copy"}
kept = []
served = threading.Semaphore(0)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        while self.request.recv(100):
            pass
        served.release()


class Threading(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def shutdown_request(self, request):
        if target.is_fixed():
            return super().shutdown_request(request)
        if target.shape() == "shutdown":
            request.shutdown(socket.SHUT_RDWR)
        kept.append(request)


class Forking(socketserver.ForkingTCPServer):
    def close_request(self, request):
        if target.is_fixed():
            return super().close_request(request)
        kept.append(request)  # in the parent; a child ends with its own


server = (Forking if target.shape() == "forking" else Threading)(("127.0.0.1", 0), Handler)
target.expect(EXPECTED[target.shape()], "leak", CLIENTS)
target.say(f"CLIENTS {server.server_address[1]} {CLIENTS} drop")
for _ in range(CLIENTS):
    server.handle_request()
if target.shape() == "forking":
    while server.active_children:
        server.collect_children()
        time.sleep(0.01)
else:
    for _ in range(CLIENTS):
        served.acquire()
    while threading.active_count() > 1:
        time.sleep(0.01)
target.hold()
