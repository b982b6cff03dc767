# SPDX-License-Identifier: MIT
"""Whatever a program calls, and with whatever arguments: what it gets is what it gets without the shim."""

import subprocess

import pytest

from lab import BUILD, DEADLINE_S

CALLS = 1500
RUNS = 8  # of which one pair must agree: when data arrives is the kernel's affair, and differs bare, too


def run(env, seed):
    """The exit status, and a line for each call."""
    done = subprocess.run([BUILD / "targets" / "odd_calls", str(seed), str(CALLS)], env=env, text=True,
                          capture_output=True, check=False, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("seed", range(1, 13))
def test_the_results_are_the_same(lab, seed):
    bare, shimmed = lab.environment(preload=False), lab.environment(at_exit="0")
    status, lines = run(bare, seed)
    assert status == 7 and len(lines) > CALLS
    without, within = [], []
    for _ in range(RUNS):
        without.append(run(bare, seed))
        within.append(run(shimmed, seed))
        if within[-1] in without:
            break
    else:
        assert within[-1] == without[-1]
