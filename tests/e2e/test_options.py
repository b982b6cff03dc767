# SPDX-License-Identifier: MIT
"""CWSHIM_OPTIONS and the options of `cwshim run`: exit statuses, thresholds, and mistakes in them."""

import re
import subprocess

import pytest

from lab import assert_report, load_report

LEAKING = ("eof_not_closed", "--clients=1")
CLEAN = (*LEAKING, "--fixed")


def end(running):
    return running.wait_ready().finish()


def one_line(text):
    assert re.fullmatch(r"cwshim: [^\n]+\n", text), text
    return text


def test_exitcode_replaces_the_status_of_a_leaking_program(lab):
    assert end(lab.start(*LEAKING, exitcode=23)) == 23
    assert end(lab.start("exit_ways", "_exit", "5", exitcode=23)) == 23
    assert end(lab.start("exit_ways", "quick_exit", "5", exitcode=23)) == 23


def test_exitcode_leaves_a_clean_program_alone(lab):
    assert end(lab.start(*CLEAN, exitcode=23)) == 0
    assert end(lab.start("half_open_in_use", exitcode=23)) == 0


def test_exitcode_does_not_hide_a_signal(lab):
    running = lab.start(*LEAKING, exitcode=23).wait_ready()
    running.send(15)
    assert running.finish() == -15


def test_fail_on_says_which_verdicts_count(lab):
    assert end(lab.start(*LEAKING, exitcode=23, fail_on="stall")) == 0
    assert end(lab.start("half_open_in_use", exitcode=23, fail_on="in-use")) == 23


def test_error_exitcode_of_run(lab):
    assert end(lab.run(*LEAKING, options=["--error-exitcode=42"])) == 42
    assert end(lab.run(*LEAKING)) == 0
    assert end(lab.run(*CLEAN, options=["--error-exitcode=42"])) == 0


def test_run_gives_the_commands_own_status(lab):
    assert end(lab.run("exit_ways", "return", "37")) == 37
    running = lab.run("signals", "default", "15").wait_ready()
    [child] = children_of(running.pid)
    subprocess.run(["kill", "-TERM", str(child)], check=True)
    assert running.finish() == 128 + 15
    assert_report(load_report(lab.run_output), running.expects)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


@pytest.mark.parametrize("name, mistake", [
    ("colour", {"colour": "1"}),
    ("exitcode", {"exitcode": "many"}),
    ("exitcode", {"exitcode": "256"}),
    ("min_age", {"min_age": "soon"}),
    ("signal", {"signal": "SIGNOTHING"}),
    ("unwind", {"unwind": "magic"}),
    ("depth", {"depth": "-1"}),
])
def test_a_mistake_costs_one_line_and_the_default_is_used(lab, name, mistake):
    running = lab.start(*CLEAN, **mistake)
    assert end(running) == 0
    assert name in one_line(running.stderr)


def test_a_mistake_does_not_switch_recording_off(lab):
    running = lab.start(*LEAKING, colour="1", depth="deep")
    assert end(running) == 0
    assert len(running.stderr.splitlines()) == 2
    assert_report(lab.only_log(), running.expects)


def test_an_unknown_format_falls_back_to_text(lab):
    running = lab.start(*LEAKING, format="smoke")
    assert end(running) == 0
    assert "smoke" in one_line(running.stderr)
    [log] = lab.logs()
    assert log.read_text().startswith("cwshim: 1 socket leaked")


def test_at_exit_can_be_switched_off(lab):
    running = lab.start(*LEAKING, at_exit=0)
    assert end(running) == 0
    assert running.stderr == "" and lab.logs() == []


def test_default_log_is_stderr_in_text(lab):
    running = lab.start(*LEAKING, log_path=None, format=None)
    assert end(running) == 0
    assert re.search(r"^cwshim: 1 socket leaked", running.stderr)
    assert "\x1b" not in running.stderr


def test_no_word_without_a_leak(lab):
    running = lab.start(*CLEAN, log_path=None, format=None)
    assert end(running) == 0
    assert running.stderr == ""


def test_verbose_speaks_of_a_clean_program(lab):
    running = lab.start(*CLEAN, log_path=None, format=None, verbose=1)
    assert end(running) == 0
    assert len(running.stderr.splitlines()) >= 2


def test_help_prints_every_option_and_goes_on(lab):
    running = lab.start(*CLEAN, help=1)
    assert end(running) == 0
    for key in ("log_path", "format", "at_exit", "signal", "exitcode", "fail_on", "min_age",
                "report_at", "depth", "unwind", "suppressions", "session_dir", "late", "verbose"):
        assert re.search(rf"\b{key}\b", running.stderr), key


def test_young_unread_sockets_are_left_out(lab):
    """min_age: the FIN of an unread socket came just now; one whose EOF was read always counts."""
    assert end(lab.start("unread_not_closed", min_age="10m")) == 0
    assert lab.logs() == []
    running = lab.start(*LEAKING, min_age="10m")
    assert end(running) == 0
    assert_report(lab.only_log(), running.expects)


def test_the_signal_can_be_chosen(lab):
    running = lab.start(*LEAKING, signal="USR2", at_exit=0).wait_ready()
    running.send(12)
    assert_report(lab.log_of(running), running.expects)
    assert running.finish() == 0


@pytest.mark.parametrize("unwind", ["fp", "caller", "libunwind"])
def test_every_unwinder_names_the_line(lab, unwind):
    running = lab.start(*LEAKING, unwind=unwind)
    assert end(running) == 0
    assert_report(lab.only_log(), running.expects)


def test_depth_cuts_the_stack(lab):
    running = lab.start(*LEAKING, depth=1)
    assert end(running) == 0
    [finding] = lab.only_log()["findings"]
    assert len({frame["ip"] for frame in finding["stacks"]["created"]}) == 1


def test_unwind_none_still_finds(lab):
    running = lab.start(*LEAKING, unwind="none")
    assert end(running) == 0
    [finding] = lab.only_log()["findings"]
    assert finding["cause"] == "eof-read-not-closed" and finding["count"] == 1
