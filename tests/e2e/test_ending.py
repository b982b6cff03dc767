# SPDX-License-Identifier: MIT
"""However a process ends by itself or by a signal: the report is written, the status is its own."""

import signal

import pytest

from lab import assert_report

WAYS = ["return", "exit", "quick_exit", "_exit", "_Exit", "thread"]
DEADLY = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.mark.parametrize("way", WAYS)
def test_exit_is_reported_before_the_teardown(lab, way):
    running = lab.start("exit_ways", way, "37").wait_ready()
    assert running.finish() == 37
    assert_report(lab.only_log(), running.expects)
    assert running.stderr == ""


@pytest.mark.parametrize("number", DEADLY, ids=lambda n: n.name)
def test_default_action_reports_and_kills(lab, number):
    running = lab.start("signals", "default", str(int(number))).wait_ready()
    assert running.fact("ACTION") == "default flags 0"
    running.send(number)
    assert running.finish() == -number
    assert_report(lab.only_log(), running.expects)


SHOWN_FLAGS = {"once": 0x80000000}  # SA_RESETHAND


@pytest.mark.parametrize("manner", ["reset", "reset_sigaction", "reset_siginfo", "once"])
@pytest.mark.parametrize("number", DEADLY, ids=lambda n: n.name)
def test_default_set_back_and_raised(lab, number, manner):
    running = lab.start("signals", manner, str(int(number))).wait_ready()
    assert running.fact("BEFORE") == "default"
    assert running.fact("ACTION") == f"own flags {SHOWN_FLAGS.get(manner, 0):x}"
    running.send(number)
    assert running.finish() == -number
    assert_report(lab.only_log(), running.expects)


def test_standard_error_that_is_closed_on_exec_still_gets_the_report(lab):
    running = lab.start("signals", "default", "15", log_path="stderr", format="text").wait_ready()
    running.send(signal.SIGTERM)
    assert running.finish() == -signal.SIGTERM
    assert "1 socket leaked" in running.stderr


def test_signal_that_is_handled_is_the_hosts(lab):
    running = lab.start("signals", "handle", str(int(signal.SIGTERM))).wait_ready()
    assert running.fact("ACTION") == "own flags 0"
    running.send(signal.SIGTERM)
    running.wait_line("CAUGHT")
    assert lab.logs() == []
    assert running.finish() == 7
    assert_report(lab.only_log(), running.expects)


def test_signal_that_is_ignored_stays_ignored(lab):
    running = lab.start("signals", "ignore", str(int(signal.SIGTERM))).wait_ready()
    assert running.fact("ACTION") == "ignore flags 0"
    running.send(signal.SIGTERM)
    assert running.finish() == 7
    assert running.fact("ARRIVED") == "0"
    assert_report(lab.only_log(), running.expects)


def test_signal_ignored_from_birth_stays_ignored(lab):
    """As nohup starts a program."""
    running = lab.start("signals", "default", str(int(signal.SIGHUP)),
                        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    running.wait_ready()
    assert running.fact("ACTION") == "ignore flags 0"
    running.send(signal.SIGHUP)
    assert running.finish() == 7


def test_same_status_without_the_shim(lab):
    """The targets behave so by themselves: what the tests above see is not the shim's doing."""
    for way in WAYS:
        assert lab.start("exit_ways", way, "37", preload=False).wait_ready().finish() == 37
    for manner in ("default", "reset", "reset_sigaction", "once"):
        running = lab.start("signals", manner, str(int(signal.SIGTERM)), preload=False)
        running.wait_ready().send(signal.SIGTERM)
        assert running.finish() == -signal.SIGTERM
