# SPDX-License-Identifier: MIT
"""When `cwshim run` has looked from outside, told without a clock: nothing else wakes it."""

from lab import wait_until

OFTEN = "--late=300ms"  # and so a sample each 150 ms


def wakings(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        [line] = [line for line in status if line.startswith("voluntary_ctxt_switches")]
    return int(line.split()[1])


def await_samples(running, count=20):
    """By default some seconds' worth, even if the command was woken twice for each."""
    before = wakings(running.pid)
    wait_until(lambda: wakings(running.pid) > before + count, "some samples")
