# SPDX-License-Identifier: MIT
"""Processes in pid namespaces of their own, as containers have: their sessions have other numbers
than /proc shows outside.  As root."""

import json
import os
import pathlib
import shutil

import pytest

from lab import COMMAND, assert_report, load_report

LEAKING = ("eof_not_closed", "--clients=2")
# With a /proc of its own, and with that of the outer namespace.
WAYS = [["--mount-proc"], []]


@pytest.fixture(autouse=True)
def tools():
    assert shutil.which("unshare") and os.geteuid() == 0


def children_of(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def start_in(lab, way, *argv, **options):
    """The target in a namespace of its own, and its number outside."""
    env = lab.environment(**{"at_exit": 0, **options})
    preload = f"LD_PRELOAD={env.pop('LD_PRELOAD')}"
    path = COMMAND.parent / "targets" / argv[0]
    running = lab._start(["unshare", "--pid", "--fork", "--kill-child", *way, "env", preload, path,
                          *argv[1:]], env).wait_ready()
    [pid] = children_of(running.pid)
    return running, pid


def process_of(report, pid):
    [process] = [p for p in report["processes"] if p["pid"] == pid]
    return process


@pytest.mark.parametrize("way", WAYS)
def test_a_report_on_a_number_outside(lab, way):
    running, pid = start_in(lab, way, *LEAKING)
    report, status = lab.report(pid)
    assert_report(report, running.expects)
    assert status == 1
    [finding] = report["findings"]
    assert finding["confirmed"] and finding["pid"] == pid
    assert {sock["tcp_state"] for sock in finding["sockets"]} == {"CLOSE_WAIT"}
    assert {h["pid"] for sock in finding["sockets"] for h in sock["holders"]} == {pid}
    assert {e["pid"] for sock in finding["sockets"] for e in sock["events"]} == {pid}
    assert process_of(report, pid)["ended"] is None
    assert running.finish() == 0


@pytest.mark.parametrize("way", WAYS)
def test_what_is_listed_lives_and_is_not_cleaned(lab, way):
    running, pid = start_in(lab, way, *LEAKING)
    listed = lab.cwshim("list", "--format=json")
    [row] = json.loads(listed.stdout)["sessions"]
    assert (row["pid"], row["state"], row["fin_seen"]) == (pid, "running", 2)
    lab.cwshim("clean")
    assert len(list(lab.session_dir.glob("*.cws"))) == 1
    everything, _ = lab.report()
    assert_report(everything, running.expects)
    assert running.finish() == 0
    lab.cwshim("clean")
    assert not list(lab.session_dir.glob("*.cws"))


def test_of_one_that_has_ended_it_is_said_whose_number_it_is(lab):
    running, _ = start_in(lab, [], *LEAKING)
    assert running.finish() == 0
    report, _ = lab.report()
    assert_report(report, running.expects)
    [process] = report["processes"]
    assert process["pid"] == 1 and process["ended"]
    assert any("pid namespace" in limit for limit in process["limits"])


def test_two_that_have_the_same_numbers_inside(lab):
    first, one = start_in(lab, ["--mount-proc"], *LEAKING)
    second, other = start_in(lab, ["--mount-proc"], *LEAKING)
    report, status = lab.report()
    assert status == 1
    [finding] = report["findings"]
    assert finding["count"] == 4 and finding["confirmed"]
    holders = sorted(h["pid"] for sock in finding["sockets"] for h in sock["holders"])
    assert holders == sorted([one, one, other, other])
    assert {p["pid"] for p in report["processes"]} == {one, other}
    assert all(p["ended"] is None and not p["limits"] for p in report["processes"])
    assert first.finish() == second.finish() == 0


@pytest.mark.parametrize("way", WAYS)
def test_children_that_were_forked_there(lab, way):
    running, pid = start_in(lab, way, "forkserver", "--clients=3")
    report, _ = lab.report(pid)
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert finding["cause"] == "parent-kept-copy" and finding["pid"] == pid
    assert {h["pid"] for sock in finding["sockets"] for h in sock["holders"]} == {pid}
    assert running.finish() == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_child_that_lives_on_there(lab, way):
    running, pid = start_in(lab, way, "kept_by_child", "--shape=helper")
    report, _ = lab.report(pid)
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert finding["pid"] in children_of(pid)
    assert running.finish() == 0


def test_a_thread_that_is_stuck_there(lab):
    running, pid = start_in(lab, ["--mount-proc"], "stuck_thread", "--shape=mutex")
    report, _ = lab.report(pid)
    assert_report(report, running.expects)
    assert running.finish() == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_report_from_inside_at_exit(lab, way):
    running, _ = start_in(lab, way, *LEAKING, at_exit=1)
    assert running.finish() == 0
    report = lab.only_log()
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert finding["confirmed"]
    assert {sock["tcp_state"] for sock in finding["sockets"]} == {"CLOSE_WAIT"}


@pytest.mark.parametrize("way", WAYS)
def test_run_follows_into_it(lab, way):
    output = lab.root / "run.json"
    target = COMMAND.parent / "targets" / LEAKING[0]
    running = lab._start([COMMAND, "run", "--format=json", "--min-age=0", f"--output={output}",
                          f"--session-dir={lab.session_dir}", "--", "unshare", "--pid", "--fork",
                          *way, target, *LEAKING[1:]],
                         lab.environment(preload=False)).wait_ready()
    assert running.finish() == 0
    report = load_report(output)
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert finding["confirmed"]
    assert {sock["recv_q"] for sock in finding["sockets"]} == {0}
