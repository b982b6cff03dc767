# SPDX-License-Identifier: MIT
"""A server on asyncio that pauses reading after the first data of each connection and never goes on.

asyncio takes a paused socket out of its epoll set, so that it looks forgotten.  All are treated so:
no other is polled.  --handled: SIGTERM is handled, and raised again at its default action, as by
servers that clean up before they end.  --fixed: it reads on, and asyncio closes what has ended.
"""

import asyncio
import os
import select
import signal
import sys

import target

COUNT = 3
served = asyncio.Semaphore(0)
paused = []


class Protocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if target.is_fixed():
            return
        self.transport.pause_reading()
        paused.append(self.transport)
        served.release()

    def connection_lost(self, error):
        served.release()


def end(number, frame):
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def has_ended(transport):
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
    return poll.poll(0)


async def main():
    server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", 0)
    target.expect("not-polled", "leak", COUNT)
    target.say(f"CLIENTS {server.sockets[0].getsockname()[1]} {COUNT} drop")
    for _ in range(COUNT):
        await served.acquire()
    while not all(has_ended(transport) for transport in paused):
        await asyncio.sleep(0.01)
    target.say("READY")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if "--handled" in sys.argv:
    signal.signal(signal.SIGTERM, end)
asyncio.run(main())
