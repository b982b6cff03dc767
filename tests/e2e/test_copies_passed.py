# SPDX-License-Identifier: MIT
"""Connections that were sent to workers, and that their sender kept."""

import pytest

import copies

SHAPES = [("kept_by_sender", f"--shape={shape}")
          for shape in ("workers", "single", "late", "exec", "bare", "duplicate")]


def name_of(target):
    return target[1]


@pytest.mark.parametrize("more", [(), ("--killed",)], ids=["", "killed"])
@pytest.mark.parametrize("children", [1, 2])
@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_while_it_lives_and_at_its_end(lab, target, children, more):
    with copies.started(lab, (*target, f"--children={children}", *more)) as running:
        copies.check_living(lab, running)


@pytest.mark.parametrize("target", [*SHAPES[:2], *SHAPES[3:]], ids=name_of)
def test_under_cwshim_run(lab, target):
    with copies.started(lab, (*target, "--children=2"), run=True) as running:
        copies.check_run(lab, running)


# What becomes of connections whose end-of-file only programs without the shim read, nobody knows.
@pytest.mark.parametrize("target", [*SHAPES[:2], SHAPES[3], SHAPES[5]], ids=name_of)
def test_after_it_was_killed(lab, target):
    with copies.started(lab, (*target, "--children=2")) as running:
        copies.kill(running)
        report, _ = lab.report(running.pid)
        copies.check(report, running)


def test_workers_are_left_with_copies_of_one_another(lab):
    """The sender's own copies have gone with it; what is left was inherited by later workers."""
    with copies.started(lab, (*SHAPES[2], "--children=2")) as running:
        copies.kill(running)
        report, _ = lab.report(running.pid)
        [finding] = report["findings"]
        assert (finding["cause"], finding["count"]) == ("child-kept-copy", 2)
        assert "fork_worker" in finding["stacks"]["forked"][0]["function"]
        assert copies.found_holders(report) == [
            holder for holder in copies.said_holders(running) if holder[2] == "fork"]


def test_nothing_is_claimed_of_what_was_read_out_of_sight(lab):
    with copies.started(lab, (*SHAPES[4], "--children=2")) as running:
        copies.kill(running)
        report, status = lab.report(running.pid)
        assert report["findings"] == [] and status == 0


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
@pytest.mark.parametrize("target", SHAPES[:2], ids=name_of)
def test_of_five_hundred(lab, target, more):
    with copies.started(lab, (*target, "--children=500", *more), at_exit=0) as running:
        copies.check_once(lab, running)
