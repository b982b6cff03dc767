# SPDX-License-Identifier: MIT
"""Workers with two numbers for a connection, of which they close one."""

import pytest

import copies

SHAPES = [("kept_twice", f"--shape={shape}")
          for shape in ("dup", "dupfd", "stdio", "fdopen", "inherited")]


def name_of(target):
    return target[1]


@pytest.mark.parametrize("more", [(), ("--killed",), ("--fixed",)], ids=["", "killed", "fixed"])
@pytest.mark.parametrize("children", [1, 2])
@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_while_it_lives(lab, target, children, more):
    words = (*target, f"--children={children}", *more)
    with copies.started(lab, words, at_exit=0) as running:
        copies.check_living(lab, running, at_exit=False)


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_under_cwshim_run(lab, target):
    with copies.started(lab, (*target, "--children=2"), run=True) as running:
        copies.check_run(lab, running)


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_after_the_parent_was_killed(lab, target):
    with copies.started(lab, (*target, "--children=2")) as running:
        copies.kill(running)
        report, _ = lab.report(running.pid)
        copies.check(report, running)


@pytest.mark.parametrize("more", [(), ("--killed",)], ids=["", "killed"])
def test_of_five_hundred(lab, more):
    with copies.started(lab, (*SHAPES[0], "--children=500", *more), at_exit=0) as running:
        copies.check_once(lab, running)
