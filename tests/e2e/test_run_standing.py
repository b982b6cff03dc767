# SPDX-License-Identifier: MIT
"""What `cwshim run` sees from outside: connections that stood in CLOSE_WAIT and were closed late."""

import os
import signal

import pytest

from lab import innermost, load_report
from samples import OFTEN, await_samples


def go_on(running):
    os.write(running.process.stdin.fileno(), b".")


def start(lab, *args, options=(OFTEN,)):
    """Its connections stand until samples have been taken; a correct twin does not wait for that."""
    running = lab.run("left_standing", *args, options=options)
    if "--fixed" not in args or "--shape=killed" in args:
        running.wait_line("STANDING")
        await_samples(running, 20 if OFTEN in options else 2)
        go_on(running)
    return running.wait_ready()


def run(lab, *args, options=(OFTEN,)):
    running = start(lab, *args, options=options)
    assert running.finish() == 0, running.stderr
    return load_report(lab.run_output)


def only(report):
    [finding] = report["findings"]
    assert (finding["cause"], finding["verdict"], finding["count"]) == ("closed-late", "stall", 3)
    assert finding["confirmed"] and 0.3 <= finding["oldest_s"] < 60
    assert report["summary"]["leak"] == 0 and report["summary"]["stall"] == 3
    return finding


@pytest.mark.parametrize("end", [(), ("--at-end",)])
def test_a_clients_connections(lab, end):
    finding = only(run(lab, "--shape=client", *end))
    assert innermost(finding, "created").startswith("call:")
    assert {sock["role"] for sock in finding["sockets"]} == {"connected"}
    assert "was seen to stand in CLOSE_WAIT" in finding["explanation"]


def test_what_a_child_without_a_session_closed(lab):
    finding = only(run(lab, "--shape=child"))
    assert innermost(finding, "created").startswith("take:")
    assert innermost(finding, "closed_elsewhere").startswith("give_up:")
    assert finding["confidence"] == "high"


def test_what_was_closed_unseen(lab):
    """Nobody knows by whom, and it is not said."""
    finding = only(run(lab, "--shape=unseen"))
    assert set(finding["stacks"]) == {"created"}
    assert innermost(finding, "created").startswith("take:")
    assert finding["confidence"] == "medium" and "somebody closed it" in finding["explanation"]


@pytest.mark.parametrize("shape", ["client", "child", "unseen"])
def test_the_correct_twin_is_silent(lab, shape):
    assert run(lab, f"--shape={shape}", "--fixed")["findings"] == []


@pytest.mark.parametrize("shape", ["pool", "busy"])
def test_what_may_take_its_time(lab, shape):
    assert run(lab, f"--shape={shape}")["findings"] == []


@pytest.mark.parametrize("shape", ["client", "child", "unseen"])
def test_in_time(lab, shape):
    assert run(lab, f"--shape={shape}", options=["--late=1h", "--min-age=0"])["findings"] == []


def test_other_programs_never_show(lab):
    """Their connections stand in CLOSE_WAIT beside the run, and are closed as late."""
    running = lab.run("left_standing", "--shape=client", "--fixed", options=[OFTEN]).wait_ready()
    other = lab.start("left_standing", "--shape=client", preload=False).wait_line("STANDING")
    killed_one = lab.start("left_standing", "--shape=killed", preload=False).wait_line("STANDING")
    await_samples(running)
    go_on(other)
    go_on(killed_one)
    other.wait_ready()
    await_samples(running)
    assert other.finish() == 0 and killed_one.finish() == -signal.SIGKILL
    assert running.finish() == 0
    report = load_report(lab.run_output)
    assert report["findings"] == []
    assert not {other.pid, killed_one.pid} & {process["pid"] for process in report["processes"]}
    assert [limit for process in report["processes"] for limit in process["limits"]] == []


def killed(lab, *args):
    running = start(lab, *args)
    assert running.finish() == 128 + signal.SIGKILL
    return load_report(lab.run_output)


def test_what_a_killed_process_had_open(lab):
    """Nobody read the end, and the dead cannot be asked; but the kernel had been, shortly before."""
    [finding] = killed(lab, "--shape=killed")["findings"]
    assert (finding["cause"], finding["count"]) == ("unread-not-closed", 3)
    assert not finding["confirmed"] and finding["confidence"] != "high"
    assert {sock["tcp_state"] for sock in finding["sockets"]} == {"CLOSE_WAIT"}
    assert {sock["recv_q"] for sock in finding["sockets"]} == {4}  # "hello" but for two, and the end


def test_what_a_killed_process_had_closed(lab):
    assert killed(lab, "--shape=killed", "--fixed")["findings"] == []


@pytest.mark.parametrize("shape", ["client", "pool", "busy"])
def test_of_which_more_must_be_known(lab, shape):
    """What a pool keeps, and what is in use, is no leak; of a killed process nobody can tell."""
    assert killed(lab, f"--shape={shape}", "--killed")["findings"] == []
