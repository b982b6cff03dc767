# SPDX-License-Identifier: MIT
"""Five hundred children with a copy each, in each way to be told of them once."""

import pytest

import copies

TARGETS = [
    ("kept_by_parent", "--shape=connection"),
    ("kept_by_parent", "--shape=crowd"),
    ("kept_by_child", "--shape=helper"),
    ("kept_by_child", "--shape=pool"),
    ("kept_by_program", "--shape=fork"),
    ("kept_by_sender", "--shape=workers"),
    ("kept_by_sender", "--shape=single"),
    ("kept_twice", "--shape=dup"),
]


@pytest.mark.parametrize("more", [(), ("--killed",)], ids=["", "killed"])
@pytest.mark.parametrize("target", TARGETS, ids=" ".join)
def test_of_five_hundred(lab, target, more):
    with copies.started(lab, (*target, "--children=500", *more), at_exit=0) as running:
        copies.check_once(lab, running)
