# SPDX-License-Identifier: MIT
"""scripts/bench measures, keeps raw figures, judges by budget and compares two results."""

import contextlib
import json
import os
import pathlib
import random
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(os.environ["CWSHIM_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/bench"))

import estimate  # noqa: E402
import instructions  # noqa: E402
import measure  # noqa: E402
import rows  # noqa: E402
import tables  # noqa: E402
import tracers  # noqa: E402

FIGURES = {"bare": [[100.0, 200.0], [50.0]], "cwshim": [[110.0, 210.0], [100.0]]}


def bench(*argv):
    return subprocess.run([SOURCE / "scripts/bench", *argv], capture_output=True, text=True,
                          timeout=120, check=False)


@pytest.mark.parametrize("kind, median, least, greatest", [
    ("added", 10.0, 10.0, 50.0),
    ("ratio", 1.1, 1.05, 2.0),
    ("value", 110.0, 100.0, 210.0),
])
def test_slices_are_compared_in_pairs(kind, median, least, greatest):
    summary = estimate.summarize(kind, FIGURES, "cwshim")
    assert summary["median"] == pytest.approx(median)
    assert (summary["min"], summary["max"]) == pytest.approx((least, greatest))
    assert summary["min"] <= summary["low"] <= summary["median"] <= summary["high"] \
        <= summary["max"]


class Starts:
    """Variants that write down what happens to them; some fail."""

    def __init__(self, **failing):
        self.order, self.failing = [], failing

    @contextlib.contextmanager
    def __call__(self, variant):
        if self.failing.get(variant) == "start":
            raise estimate.CannotMeasure("not here")
        self.order.append(f"+{variant}")
        yield lambda: self.take(variant)
        self.order.append(f"-{variant}")

    def take(self, variant):
        if self.failing.get(variant) == "take":
            raise estimate.CannotMeasure("broke down")
        self.order.append(variant)
        return 1.0


def test_rounds_and_slices_turn_around():
    start = Starts()
    figures, failed = estimate.interleave(2, 2, ["a", "b"], start)
    assert start.order == ["+a", "+b", "a", "b", "b", "a", "-b", "-a",
                           "+b", "+a", "b", "a", "a", "b", "-a", "-b"]
    assert figures == {"a": [[1.0, 1.0]] * 2, "b": [[1.0, 1.0]] * 2} and not failed


@pytest.mark.parametrize("when, why", [("start", "not here"), ("take", "broke down")])
def test_a_variant_that_fails_is_left_out_and_says_why(when, why):
    figures, failed = estimate.interleave(2, 2, ["a", "b", "c"], Starts(b=when))
    assert figures.keys() == {"a", "c"} and failed == {"b": why}
    assert figures["a"] == figures["c"] == [[1.0, 1.0]] * 2


def noisy(rng, level, noise):
    return [[rng.gauss(level, noise) for _ in range(20)] for _ in range(7)]


@pytest.mark.parametrize("cost, noise, word", [
    (1.0, 0.01, "within"), (1.02, 0.01, "OVER"), (1.0, 0.5, "cannot be told"),
    (1.02, 0.5, "cannot be told"),
])
def test_noise_decides_whether_a_budget_can_be_judged(cost, noise, word):
    rng = random.Random(42)
    figures = {"bare": noisy(rng, 10, 10 * noise / 4),
               "cwshim": noisy(rng, 10 * cost, 10 * noise / 4)}
    summary = estimate.summarize("ratio", figures, "cwshim")
    assert summary["low"] <= cost <= summary["high"]
    assert estimate.judge(summary, 1.005) == word


def test_what_is_exact_has_no_interval():
    summary = estimate.summarize("added", {"bare": [[10]], "cwshim": [[57]]}, "cwshim")
    assert summary["low"] == summary["median"] == summary["high"] == 47
    assert estimate.judge(summary, 47) == "within"
    assert estimate.judge(summary, 46) == "OVER"


def test_starts_that_differ_widen_the_interval():
    """A hundred slices of one start are no hundred starts."""
    bare = [[10.0] * 100] * 3
    summary = estimate.summarize("ratio", {
        "bare": bare, "cwshim": [[9.0] * 100, [10.0] * 100, [11.0] * 100]}, "cwshim")
    assert summary["low"] == pytest.approx(0.9) and summary["high"] == pytest.approx(1.1)


def test_a_row_is_measured_and_its_figures_kept(tmp_path):
    output = tmp_path / "bench.json"
    done = bench("--quick", "--rows=close,start", "--rounds=2", f"--output={output}")
    assert done.returncode == 0, done.stderr
    results = json.loads(output.read_text())
    assert [row["name"] for row in results["rows"]] == ["start", "close"]
    for row in results["rows"]:
        assert row["notes"] == []
        assert len(row["figures"]["bare"]) == len(row["figures"]["cwshim"]) == 2
        assert all(min(taken) > 0 for taken in row["figures"]["bare"])
        assert row["title"] in done.stdout


def test_a_row_says_how_much_was_really_done(tmp_path):
    output = tmp_path / "bench.json"
    done = bench("--forks=60", "--rows=sessions,forks-files", "--rounds=1", f"--output={output}")
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())["rows"]
    assert [row["name"] for row in found] == ["sessions", "forks-files"]
    for row in found:
        assert "after 60 forks" in row["title"] and not row["is_full"]
        assert row["notes"] == ["1,000,000 forks are meant, 60 were possible or asked for"]
        assert next(tables.lines(row)).endswith(" -")
    assert found[1]["figures"]["cwshim"] == [[1]]


def test_an_unknown_row_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = bench("--rows=nothing-of-the-kind")
    assert done.returncode != 0 and "nothing-of-the-kind" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_run_leaves_nothing_behind(tmp_path, monkeypatch):
    work, output = tmp_path / "work", tmp_path / "bench.json"
    work.mkdir()
    monkeypatch.setenv("TMPDIR", str(work))
    done = bench("--quick", "--rows=close", "--rounds=1", f"--output={output}")
    assert done.returncode == 0, done.stderr
    assert output.exists() and not list(work.iterdir())


def result(median, noise=0.5, **more):
    return {"name": "read", "title": "reading", "kind": "added", "unit": "ns", "budget": 5,
            "figures": {}, "notes": [],
            "summaries": [{"variant": "cwshim", "median": median, "low": median - noise,
                           "high": median + noise, "min": 1.0, "max": 9.0}], **more}


@pytest.mark.parametrize("median, word", [
    (4.0, "within"), (6.0, "OVER"), (5.2, "cannot be told")])
def test_a_row_is_judged_by_its_budget(median, word):
    assert next(tables.lines(result(median))).endswith(word)


def test_a_row_that_was_not_measured_says_why():
    text = list(tables.lines(result(1.0, summaries=[], notes=["cwshim: not measured: no server"])))
    assert text == ["reading (ns added): not measured", "    cwshim: not measured: no server"]


def test_the_document_has_every_row_and_every_note():
    text = list(tables.markdown({"rows": [result(4.0), result(1.0, summaries=[], notes=["why"])]}))
    assert "| reading (ns added) | cwshim | 4.000 | 3.500 to 4.500 | 5.000 | within |" in text
    assert text[-1] == "- reading: why"


def compared(tmp_path, old, new):
    paths = tmp_path / "old.json", tmp_path / "new.json"
    for path, results in zip(paths, (old, new)):
        path.write_text(json.dumps({"rows": results}))
    done = bench("--compare", *paths)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()[1:]]


def test_a_regression_is_told_from_noise(tmp_path):
    told = compared(
        tmp_path,
        [result(4.0), result(40.0, name="recv"), result(4.0, noise=3, name="write"),
         result(1.0, name="close")],
        [result(6.5), result(30.0, name="recv"), result(6.5, noise=3, name="write"),
         result(1.0, name="fork")])
    worse = ["read", "cwshim", "4.000", "6.500", "+62.5", "%", "WORSE"]
    assert told == [
        ["close", "cwshim", "1.000", "-", "-", "only", "in", "one", "of", "them"],
        ["fork", "cwshim", "-", "1.000", "-", "only", "in", "one", "of", "them"],
        worse,
        ["recv", "cwshim", "40", "30", "-25.0", "%", "better"],
        ["write", "cwshim", "4.000", "6.500", "+62.5", "%", "no", "difference", "seen"],
        ["worse:", "1"],
        worse,
    ]


def test_equal_results_have_nothing_worse(tmp_path):
    told = compared(tmp_path, [result(4.0)], [result(4.0)])
    assert told[0][-3:] == ["no", "difference", "seen"] and told[1:] == [["worse:", "nothing"]]


@pytest.mark.parametrize("said, line", [
    ("", ""),
    ("one\ntwo\n\n", "two"),
    ("ERROR: tracepoint not found\n@[probe]\n~~~~~\n", "ERROR: tracepoint not found"),
    ("unshare: unshare failed: Operation not permitted\n",
     "unshare: unshare failed: Operation not permitted"),
])
def test_a_tracer_is_quoted(said, line):
    assert measure.complaint(said) == line


def others():
    return next(row for row in rows.ROWS if row.name == "others")


def test_each_tracer_is_measured_or_says_why(quick):
    """Tried here and now: what a machine permits is not known before."""
    figures, failed = estimate.interleave(1, 1, ["bare", *tracers.OTHERS],
                                          lambda variant: others().start(quick, variant))
    assert figures["bare"][0][0] > 0
    assert figures.keys() | failed.keys() == {"bare", *tracers.OTHERS}
    assert all(figures[variant][0][0] > 0 for variant in figures)
    assert all(failed.values())


@pytest.fixture(name="quick", scope="module")
def fixture_quick():
    run = measure.Bench(quick=True)
    yield run
    run.close()


@pytest.mark.parametrize("kind", instructions.CALLS)
def test_a_call_costs_no_more_instructions_than_it_did(quick, kind):
    bare = instructions.count(quick, estimate.BARE, kind)
    added = instructions.count(quick, measure.SHIM, kind) - bare
    assert bare > 0
    assert 0 < added <= instructions.SEEN[kind] * instructions.SLACK
