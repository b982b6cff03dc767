# SPDX-License-Identifier: MIT
"""Python servers: asyncio, a multiprocessing pool, threads that start subprocesses."""

import lines
import servers

ASYNCIO = """\
import asyncio, sys

async def serve(reader, writer):
    async for line in reader:
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()

asyncio.run(main())
"""

MULTIPROCESSING = """\
import multiprocessing, signal, socketserver, sys

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(pool.apply(bytes.upper, (line,)))

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

def finish(*_):
    raise SystemExit(3)

if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
            signal.signal(signal.SIGTERM, finish)
            server.serve_forever(0.05)
"""

SUBPROCESS = """\
import socketserver, subprocess, sys

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(subprocess.run(["tr", "a-z", "A-Z"], input=line,
                                            capture_output=True, check=True).stdout)

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    server.serve_forever(0.05)
"""


def scenario(text, clients):
    def drive(run):
        port = servers.free_port()
        program = run.file("server.py", text)
        server = run.start("/usr/bin/python3", program, port, port=port)
        seen = lines.clients(port, clients)
        return [seen, run.stop(server)]
    return drive


def version():
    return servers.version_of("/usr/bin/python3", "--version")


def test_asyncio():
    servers.compare(scenario(ASYNCIO, 200), "python3 asyncio", version(),
                    "200 clients of a stream server, eight at a time")


def test_multiprocessing():
    servers.compare(scenario(MULTIPROCESSING, 60), "python3 multiprocessing", version(),
                    "60 clients, whose lines are worked on by a pool of two processes")


def test_subprocess():
    servers.compare(scenario(SUBPROCESS, 40), "python3 subprocess", version(),
                    "40 clients in threads that start a program for each line")
