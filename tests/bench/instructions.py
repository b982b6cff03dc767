# SPDX-License-Identifier: MIT
"""Instructions that the shim adds to a call, counted by callgrind: repeatable on any machine.

What the kernel does is not counted, so a call of libc alone is some ten instructions.  Two runs of
different length are subtracted, so that what happens once (the session is made) does not count."""

import re
import subprocess

from measure import CannotMeasure, program

# For each kind of tests/bench/calls.c: the calls of one batch, and how many instructions the shim
# was last seen to add to a call, with what prepares it (close: dup; accept: the client's socket,
# connect and close).  A change that adds a tenth to it is a regression; one that takes away may
# lower the number here.
CALLS = {"read": 500, "recv": 500, "write": 100, "close": 500, "accept": 50}
SEEN = {"read": 46, "recv": 44, "write": 57, "close": 83, "accept": 3740}
SLACK = 1.1

# With the tenth of each that warms up: 22 and 66 batches.
SHORT, LONG = 20, 60


def collected(bench, variant, kind, batches):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--toggle-collect=main", "--callgrind-out-file=/dev/null",
         program("calls"), kind, "0", str(batches)],
        env=bench.environment(variant), cwd=bench.work, capture_output=True, text=True,
        timeout=120, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise CannotMeasure(f"valgrind: status {done.returncode}: {done.stderr.strip()[-200:]}")
    return int(found.group(1))


def count(bench, variant, kind):
    """Instructions for one more call of the kind."""
    more = collected(bench, variant, kind, LONG) - collected(bench, variant, kind, SHORT)
    return more / CALLS[kind] / (LONG + LONG // 10 - SHORT - SHORT // 10)
