# SPDX-License-Identifier: MIT
"""Stacks walked by the layouts of frames are those that libunwind finds."""

import os
import re
import subprocess
import sys

import pytest

from lab import BUILD

WAYS = ["O0", "O1", "O2", "O3", "Os", "O2-fno-omit-frame-pointer"]
STACKS = 400
COUNTS = re.compile(r"^WALKS (\d+) LOST (\d+) DIFFERENT (\d+) DEEPEST (\d+) KEPT (\d+)$", re.MULTILINE)


def compare(log, *argv):
    """Runs a program under walk/compare.c: the walks of each of its processes, added up."""
    done = subprocess.run(argv, env={**os.environ, "LD_PRELOAD": str(BUILD / "walk/walk-compare.so"),
                                     "WALK_LOG": str(log)},
                          capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    text = log.read_text()
    counts = [[int(number) for number in found] for found in COUNTS.findall(text)]
    walks, lost, different, _, kept = (sum(column) for column in zip(*counts))
    assert different == 0, text[:4000]
    assert kept > 0, "nothing that was kept is compared"
    return walks, lost, max(counted[3] for counted in counts)


@pytest.mark.parametrize("way", WAYS)
def test_stacks_of_all_shapes(tmp_path, way):
    walks, lost, deepest = compare(tmp_path / "log", BUILD / "walk" / f"shapes-{way}", "1", str(STACKS))
    assert walks >= STACKS * 2 and deepest == 64
    assert lost <= walks // 2, "what libunwind walks is not compared"


@pytest.mark.parametrize("argv", [
    [sys.executable, "-c", "import json, ssl, sqlite3; json.dumps([str(i) for i in range(2000)])"],
    ["perl", "-e", "print sort map { $_ * 2 } 1 .. 2000"],
    ["bash", "-c", "for i in 1 2 3; do echo $i | cat; done"],
    ["openssl", "speed", "-seconds", "1", "-bytes", "64", "sha256"],
], ids=lambda argv: os.path.basename(argv[0]))
def test_stacks_of_programs(tmp_path, argv):
    walks, lost, _ = compare(tmp_path / "log", *argv)
    assert walks > 100 and lost == 0


def test_an_object_in_several_places(tmp_path):
    """node's segments lie apart; some of its stacks have code made at run time, which libunwind walks."""
    walks, lost, _ = compare(tmp_path / "log", "node", "-e", "JSON.stringify([1, 2, 3])")
    assert walks > 10000 and lost < walks // 5


def test_code_made_at_run_time(tmp_path):
    """Java's interpreter keeps frame pointers: libunwind follows them too."""
    walks, lost, deepest = compare(tmp_path / "log", "java", "-version")
    assert walks > 1000 and deepest > 20 and lost < walks // 10


def test_a_library_in_the_place_of_another(lab):
    """What was learned of the first one's frames is not used for the second one's."""
    running = lab.start("reload").wait_ready()
    assert running.fact("PLACE") == "same"
    report, _ = lab.report(running.pid)
    [finding] = report["findings"]
    functions = [frame["function"] for frame in finding["stacks"]["created"]]
    assert functions[:4] == ["take", "call_framed", "take_through", "main"]
    assert running.finish() == 0


def test_stacks_that_differ_in_the_middle(lab):
    """From the same place, with the same registers: only a word further up tells which way it was."""
    running = lab.start("same_start").wait_ready()
    assert running.fact("PLACE") == "same"
    report, _ = lab.report(running.pid)
    ways = {finding["stacks"]["created"][1]["function"]: finding for finding in report["findings"]}
    assert ways.keys() == {"by_day", "by_night"}
    for finding in ways.values():
        assert finding["stacks"]["created"][0]["function"] == "take"
        assert (finding["count"], finding["site_stats"]["created"]) == (1, 30)
    assert running.finish() == 0
