# SPDX-License-Identifier: MIT
"""Every target gives the finding that it states, whichever way the report is taken."""

import signal

import pytest

from lab import REPORT_SIGNAL, assert_report, load_report

TARGETS = [
    ("forkserver", "--clients=20"),
    ("forkserver", "--clients=5", "--tidy"),
    ("eof_not_closed",),
    ("stream_not_closed",),
    ("shutdown_not_closed",),
    ("half_open_in_use",),
    ("unread_not_closed",),
    ("unread_not_closed", "--shape=pool"),
    ("opened_elsewhere",),
    ("ring_server",),
    ("cxx_inlined",),
    ("wrong_close", "--shape=miscounted"),
    ("wrong_close", "--shape=stale"),
    ("wrong_close", "--shape=neighbour"),
    ("kept_duplicate",),
]
# A socket in use is no news: nobody is told of it unless he asks.
LEAKS = [target for target in TARGETS if target != ("half_open_in_use",)]
# After SIGKILL the kernel can confirm nothing: these causes are decided by history alone.
UNTOLD = ("stream_not_closed", "half_open_in_use", "unread_not_closed", "opened_elsewhere", "ring_server",
          "kept_duplicate")
# When data was last sent is asked of a living process; without that no cause is named.
TIMED = ("kept_duplicate",)
HISTORIC = [target for target in TARGETS if target[0] not in UNTOLD]
TWINS = [(*target, "--fixed") for target in TARGETS if target != ("cxx_inlined",)]


def name_of(target):
    return " ".join(target)


def fails(running):
    """Would a check fail on this?"""
    return any(expect["verdict"] in ("leak", "stall") for expect in running.expects)


@pytest.mark.parametrize("target", LEAKS, ids=name_of)
def test_at_its_normal_end(lab, target):
    running = lab.start(*target).wait_ready()
    assert running.finish() == 0
    report = lab.only_log()
    assert report["reason"] == "exit"
    assert_report(report, running.expects)
    assert running.stderr == ""


@pytest.mark.parametrize("target", LEAKS, ids=name_of)
def test_on_the_signal(lab, target):
    running = lab.start(*target, at_exit=0).wait_ready()
    running.send(REPORT_SIGNAL)
    report = lab.log_of(running)
    assert report["reason"] == "signal"
    assert_report(report, running.expects)
    assert running.finish() == 0
    assert running.stderr == ""


@pytest.mark.parametrize("target", [t for t in TARGETS if t[0] not in TIMED], ids=name_of)
def test_under_cwshim_run(lab, target):
    running = lab.run(*target).wait_ready()
    assert running.finish() == 0
    report = load_report(lab.run_output)
    assert report["reason"] == "run"
    assert_report(report, running.expects)
    assert running.stderr == ""


@pytest.mark.parametrize("name", TIMED)
def test_under_cwshim_run_less_is_known(lab, name):
    running = lab.run(name).wait_ready()
    assert running.finish() == 0
    [finding] = load_report(lab.run_output)["findings"]
    [expect] = running.expects
    assert finding["cause"] in (expect["cause"], "unread-not-closed")
    assert finding["count"] == int(expect["count"])


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_by_cwshim_report_of_the_living(lab, target):
    running = lab.start(*target, at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert report["reason"] == "report"
    assert_report(report, running.expects)
    assert all(finding["confirmed"] for finding in report["findings"])
    assert status == fails(running)
    assert running.finish() == 0


@pytest.mark.parametrize("target", LEAKS, ids=name_of)
def test_ended_by_sigterm_at_its_default(lab, target):
    running = lab.start(*target).wait_ready()
    running.send(signal.SIGTERM)
    assert running.finish() == -signal.SIGTERM
    assert_report(lab.only_log(), running.expects)
    assert running.stderr == ""


@pytest.mark.parametrize("end", [None, signal.SIGTERM])
def test_in_use_is_no_news(lab, end):
    running = lab.start("half_open_in_use", exitcode=23).wait_ready()
    if end:
        running.send(end)
    assert running.finish() == -(end or 0)
    assert running.stderr == "" and lab.logs() == []


@pytest.mark.parametrize("target", HISTORIC, ids=name_of)
def test_killed_and_reported_from_the_session(lab, target):
    running = lab.start(*target).wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    assert lab.logs() == []
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert not any(finding["confirmed"] for finding in report["findings"])
    assert status == 1


def test_in_use_when_killed_is_not_called_a_leak(lab):
    running = lab.start("half_open_in_use").wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    report, status = lab.report(running.pid)
    assert report["summary"]["leak"] == 0 and status == 0


@pytest.mark.parametrize("target", TWINS, ids=name_of)
def test_the_correct_twin_is_silent(lab, target):
    running = lab.start(*target).wait_ready()
    report, status = lab.report(running.pid)
    assert running.finish() == 0
    assert report["findings"] == [] and status == 0
    assert running.stderr == "" and lab.logs() == []


@pytest.mark.parametrize("target", TWINS, ids=name_of)
def test_the_correct_twin_is_silent_under_cwshim_run(lab, target):
    running = lab.run(*target).wait_ready()
    assert running.finish() == 0
    assert running.stderr == ""
    if lab.run_output.exists():
        assert load_report(lab.run_output)["findings"] == []


@pytest.mark.parametrize("at_exit", [0, 1])
def test_a_partner_closed_on_purpose_is_not_the_wrong_one(lab, at_exit):
    running = lab.start("wrong_close", "--shape=partner", at_exit=at_exit).wait_ready()
    report = None if at_exit else lab.report(running.pid)[0]
    assert running.finish() == 0
    [finding] = (report or lab.only_log())["findings"]
    assert finding["cause"] == "eof-read-not-closed" and finding["count"] == 3


def test_fifty_of_mixed_causes_come_apart(lab):
    running = lab.start("mixed_causes").wait_ready()
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert sum(finding["count"] for finding in report["findings"]) == 50 and status == 1
    assert running.finish() == 0
    assert_report_of_the_end(lab.only_log(), running.expects)


def assert_report_of_the_end(report, expects):
    """What its threads waited for cannot be asked any more: those are unknown, the others right."""
    stuck = [expect for expect in expects if expect["cause"] in ("owner-stuck", "blocked-in-send")]
    found = [f for f in report["findings"] if f["cause"] != "unread-not-closed"]
    assert_report({"findings": found}, [expect for expect in expects if expect not in stuck])
    unknown = [f["count"] for f in report["findings"] if f["cause"] == "unread-not-closed"]
    assert sum(unknown) == sum(int(expect["count"]) for expect in stuck)


def test_how_long_a_socket_is_in_use_is_an_option(lab):
    running = lab.start("half_open_in_use", at_exit=0).wait_ready()
    report, status = lab.report("--in-use=1h", running.pid)
    assert {f["verdict"] for f in report["findings"]} == {"in-use"} and status == 0
    report, status = lab.report("--in-use=0", running.pid)
    assert {f["verdict"] for f in report["findings"]} == {"leak"} and status == 1
    assert running.finish() == 0
