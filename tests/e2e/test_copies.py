# SPDX-License-Identifier: MIT
"""Copies in other processes, however they came there: who keeps them, and through which lines."""

import pytest

import copies

FORKED = [*(("kept_by_parent", f"--shape={shape}")
            for shape in ("connection", "stdio", "daemon", "crowd", "clone")),
          *(("kept_by_child", f"--shape={shape}")
            for shape in ("helper", "pool", "daemon", "worker"))]
EXECUTED = [("kept_by_program", f"--shape={shape}")
            for shape in ("fork", "vfork", "spawn", "system", "popen", "daemon", "bare")]
LATE, BARE = [("kept_by_sender", f"--shape={shape}") for shape in ("late", "bare")]
SENT = [*(("kept_by_sender", f"--shape={shape}")
          for shape in ("workers", "single", "exec", "duplicate", "gone")), LATE, BARE]
DOUBLED = [("kept_twice", f"--shape={shape}")
           for shape in ("dup", "dupfd", "stdio", "fdopen", "inherited")]
SHAPES = [*FORKED, *EXECUTED, *SENT]
# The programs of the others live on and hold what they hold.
ENDING = [*FORKED, *SENT]


def name_of(target):
    return " ".join(target)


@pytest.mark.parametrize("more", [(), ("--killed",)], ids=["", "killed"])
@pytest.mark.parametrize("children", [1, 2])
@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_while_it_lives_and_at_its_end(lab, target, children, more):
    with copies.started(lab, (*target, f"--children={children}", *more)) as running:
        copies.check_living(lab, running)


def test_who_serves_in_a_handler_of_the_fork(lab):
    with copies.started(lab, ("kept_by_parent", "--shape=handler")) as running:
        copies.check_living(lab, running)


# Of a worker with two numbers, the end of the parent says nothing.
@pytest.mark.parametrize("more", [(), ("--killed",), ("--fixed",)], ids=["", "killed", "fixed"])
@pytest.mark.parametrize("children", [1, 2])
@pytest.mark.parametrize("target", DOUBLED, ids=name_of)
def test_while_workers_live(lab, target, children, more):
    words = (*target, f"--children={children}", *more)
    with copies.started(lab, words, at_exit=0) as running:
        copies.check_living(lab, running, at_exit=False)


# The sender of LATE goes before its workers, which is another story: see test_copies_passed.py.
@pytest.mark.parametrize("target", [*(t for t in SHAPES if t != LATE), *DOUBLED], ids=name_of)
def test_under_cwshim_run(lab, target):
    with copies.started(lab, (*target, "--children=2"), run=True) as running:
        copies.check_run(lab, running)


# What becomes of connections whose end-of-file only programs without the shim read, nobody knows.
@pytest.mark.parametrize("target", [*(t for t in SHAPES if t not in (LATE, BARE)), *DOUBLED],
                         ids=name_of)
def test_after_the_parent_was_killed(lab, target):
    with copies.started(lab, (*target, "--children=2")) as running:
        copies.kill(running)
        report, _ = lab.report(running.pid)
        copies.check(report, running)


@pytest.mark.parametrize("target", ENDING, ids=name_of)
def test_after_all_were_killed(lab, target):
    """Nobody had read the end-of-file, and nobody is left to ask: nothing is claimed."""
    with copies.started(lab, (*target, "--children=2", "--killed")) as running:
        copies.kill(running)
        report, status = lab.report(running.pid)
        assert report["findings"] == [] and status == 0


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_the_correct_twin(lab, target):
    with copies.started(lab, (*target, "--children=2", "--fixed")) as running:
        copies.check_living(lab, running)
