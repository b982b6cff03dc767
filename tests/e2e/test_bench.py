# SPDX-License-Identifier: MIT
"""scripts/bench measures, keeps raw figures, judges by budget and compares two results."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(os.environ["CWSHIM_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/bench"))

import instructions  # noqa: E402
import measure  # noqa: E402
import tables  # noqa: E402

FIGURES = {"bare": [100.0, 200.0, 50.0], "cwshim": [110.0, 210.0, 100.0]}


def bench(*argv):
    return subprocess.run([SOURCE / "scripts/bench", *argv], capture_output=True, text=True,
                          timeout=120, check=False)


@pytest.mark.parametrize("kind, median, least, greatest", [
    ("added", 10.0, 10.0, 50.0),
    ("ratio", 1.1, 1.05, 2.0),
    ("value", 110.0, 100.0, 210.0),
])
def test_rounds_are_compared_in_pairs(kind, median, least, greatest):
    summary = measure.summarize(kind, FIGURES, "cwshim")
    assert summary == pytest.approx({"median": median, "min": least, "max": greatest})


def test_rounds_turn_around():
    order = []
    measure.interleave(2, ["a", "b"], lambda variant: order.append(variant) or 1.0)
    assert order == ["a", "b", "b", "a"]


def test_a_row_is_measured_and_its_figures_kept(tmp_path):
    output = tmp_path / "bench.json"
    done = bench("--quick", "--rows=close,start", "--rounds=2", f"--output={output}")
    assert done.returncode == 0, done.stderr
    results = json.loads(output.read_text())
    assert [row["name"] for row in results["rows"]] == ["start", "close"]
    for row in results["rows"]:
        assert row["notes"] == []
        assert len(row["figures"]["bare"]) == len(row["figures"]["cwshim"]) == 2
        assert min(row["figures"]["bare"]) > 0
        assert row["title"] in done.stdout


def test_a_row_says_how_much_was_really_done(tmp_path):
    output = tmp_path / "bench.json"
    done = bench("--forks=60", "--rows=sessions,forks-files", "--rounds=1", f"--output={output}")
    assert done.returncode == 0, done.stderr
    rows = json.loads(output.read_text())["rows"]
    assert [row["name"] for row in rows] == ["sessions", "forks-files"]
    for row in rows:
        assert "after 60 forks" in row["title"] and not row["is_full"]
        assert row["notes"] == ["1,000,000 forks are meant, 60 were possible or asked for"]
        assert next(tables.lines(row)).endswith(" -")
    assert rows[1]["figures"]["cwshim"] == [1]


def test_an_unknown_row_is_refused():
    done = bench("--rows=nothing-of-the-kind")
    assert done.returncode != 0 and "nothing-of-the-kind" in done.stderr


def result(median, **more):
    return {"name": "read", "title": "reading", "kind": "added", "unit": "ns", "budget": 5,
            "figures": {}, "notes": [],
            "summaries": [{"variant": "cwshim", "median": median, "min": 1.0, "max": 9.0}], **more}


@pytest.mark.parametrize("median, word", [(4.0, "ok"), (6.0, "OVER")])
def test_a_row_is_judged_by_its_budget(median, word):
    assert next(tables.lines(result(median))).endswith(word)


def test_a_row_that_was_not_measured_says_why():
    text = list(tables.lines(result(1.0, summaries=[], notes=["not measured: no server"])))
    assert text == ["reading (ns added): not measured", "    not measured: no server"]


def test_two_results_are_compared(tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps({"rows": [result(4.0)]}))
    new.write_text(json.dumps({"rows": [result(6.5), result(7.0, name="write")]}))
    done = bench("--compare", old, new)
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert rows == [["read", "cwshim", "4.000", "6.500", "2.500"],
                    ["write", "cwshim", "-", "7.000", "-"]]


@pytest.fixture(name="quick", scope="module")
def fixture_quick():
    run = measure.Bench(quick=True)
    yield run
    run.close()


@pytest.mark.parametrize("kind", instructions.CALLS)
def test_a_call_costs_no_more_instructions_than_it_did(quick, kind):
    bare = instructions.count(quick, measure.BARE, kind)
    added = instructions.count(quick, measure.SHIM, kind) - bare
    assert bare > 0
    assert 0 < added <= instructions.SEEN[kind] * instructions.SLACK
