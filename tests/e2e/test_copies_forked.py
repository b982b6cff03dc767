# SPDX-License-Identifier: MIT
"""Copies that forks made, in every shape: who keeps them, and through which lines."""

import pytest

import copies

PARENT = [("kept_by_parent", f"--shape={shape}")
          for shape in ("connection", "stdio", "daemon", "crowd")]
CHILD = [("kept_by_child", f"--shape={shape}")
         for shape in ("helper", "pool", "daemon", "worker")]
SHAPES = PARENT + CHILD
# 500 children: each way to be told of them once.
MANY = [PARENT[0], PARENT[3], CHILD[0], CHILD[1]]


def name_of(target):
    return " ".join(target)


@pytest.mark.parametrize("more", [(), ("--killed",)], ids=["", "killed"])
@pytest.mark.parametrize("children", [1, 2])
@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_while_it_lives_and_at_its_end(lab, target, children, more):
    with copies.started(lab, (*target, f"--children={children}", *more)) as running:
        copies.check_living(lab, running)


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_under_cwshim_run(lab, target):
    with copies.started(lab, (*target, "--children=2"), run=True) as running:
        copies.check_run(lab, running)


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_after_it_was_killed(lab, target):
    with copies.started(lab, (*target, "--children=2")) as running:
        copies.kill(running)
        report, _ = lab.report(running.pid)
        copies.check(report, running)


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
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


@pytest.mark.parametrize("more", [(), ("--killed",)], ids=["", "killed"])
@pytest.mark.parametrize("target", MANY, ids=name_of)
def test_of_five_hundred(lab, target, more):
    with copies.started(lab, (*target, "--children=500", *more), at_exit=0) as running:
        copies.check_once(lab, running)
