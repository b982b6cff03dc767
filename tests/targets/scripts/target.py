# SPDX-License-Identifier: MIT
"""What target programs in Python share; tests/e2e/scripts.py gives them their peers."""

import select
import sys
import time

DEADLINE_MS = 60000
CLOCK_MONOTONIC_COARSE = 6  # linux/time.h


def say(line):
    print(line, flush=True)


def shape():
    [found] = [word[len("--shape="):] for word in sys.argv if word.startswith("--shape=")]
    return found


def is_fixed():
    return "--fixed" in sys.argv


def expect(cause, verdict, count):
    say("EXPECT none" if is_fixed() else f"EXPECT cause={cause} verdict={verdict} count={count}")


def wait_fin(fd):
    """Until the peer of this descriptor has closed."""
    poll = select.poll()
    poll.register(fd, select.POLLRDHUP)
    assert poll.poll(DEADLINE_MS), "deadline"


def wait_input(fd):
    """Until there is something to read."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    assert poll.poll(DEADLINE_MS), "deadline"


def wait_tick():
    """What comes next is later by the shim's clock, which counts in ticks."""
    start = time.clock_gettime(CLOCK_MONOTONIC_COARSE)
    while time.clock_gettime(CLOCK_MONOTONIC_COARSE) == start:
        time.sleep(0.001)


def hold():
    say("READY")
    while sys.stdin.readline():
        pass
