# SPDX-License-Identifier: MIT
"""Python's socketserver.ForkingTCPServer: a child per connection, 100 clients."""

import lines
import servers

PROGRAM = """\
import signal, socketserver, sys

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())

class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    server.serve_forever(poll_interval=0.05)
"""


def scenario(run):
    port = servers.free_port()
    program = run.file("server.py", PROGRAM)
    server = run.start("/usr/bin/python3", program, port, port=port)
    seen = lines.clients(port, 100, at_once=10)
    return [seen, run.stop(server)]


def test_forking_server():
    servers.compare(scenario, "python3 ForkingTCPServer",
                    servers.version_of("/usr/bin/python3", "--version"),
                    "100 clients, ten at a time, a child each; ended by a SIGTERM handler")
