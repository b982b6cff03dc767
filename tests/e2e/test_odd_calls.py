# SPDX-License-Identifier: MIT
"""Whatever a program calls, and with whatever arguments: what it gets is what it gets without the shim."""

import subprocess

import pytest

from lab import BUILD, DEADLINE_S

CALLS = 1500
RUNS = 30  # when data arrives is the kernel's affair: on a busy machine some calls differ bare, too


def run(env, seed):
    """The exit status, and a line for each call."""
    done = subprocess.run([BUILD / "targets" / "odd_calls", str(seed), str(CALLS)], env=env, text=True,
                          capture_output=True, check=False, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def is_like(lines, others):
    """Each line is one that a bare run has at this place."""
    alike = [other for other in others if len(other) == len(lines)]
    return bool(alike) and all(line in at for line, *at in zip(lines, *alike))


@pytest.mark.parametrize("seed", range(1, 13))
def test_the_results_are_the_same(lab, seed):
    bare, shimmed = [], []
    for _ in range(RUNS):
        for lines, env in ((bare, lab.environment(preload=False)),
                           (shimmed, lab.environment(at_exit="0"))):
            status, output = run(env, seed)
            assert status == 7 and len(output) > CALLS
            lines.append(output)
        if any(is_like(lines, bare) for lines in shimmed):
            return
    assert shimmed[-1] == bare[-1]
