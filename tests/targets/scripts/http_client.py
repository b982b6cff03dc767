# SPDX-License-Identifier: MIT
"""A client on Python's http.client.

--shape=pooled: one connection is kept for the next request, and the server gave it up;
abandoned: one for each request, never closed.
--fixed: each is closed when its answer was read.
"""

import http.client
import sys
import time

import target

SHAPES = {"pooled": ("idle-pooled-client", "idle", 1), "abandoned": ("abandoned-client", "leak", 3)}

cause, verdict, count = SHAPES[target.shape()]
target.expect(cause, verdict, count)
target.say(f"UPSTREAM {count} 0")
port = int(sys.stdin.readline())
kept = []
for _ in range(count):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"answer"
    if target.is_fixed():
        connection.close()
    else:
        kept.append(connection)
    time.sleep(0.1)  # the next request is clearly later
target.say("HANGUP")
for connection in kept:
    target.wait_fin(connection.sock.fileno())
target.hold()
