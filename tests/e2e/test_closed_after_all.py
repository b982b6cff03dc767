# SPDX-License-Identifier: MIT
"""What an earlier report told of and has been closed since is named in the next report."""

import os
import signal

import pytest

from lab import REPORT_SIGNAL, innermost, load_report


@pytest.fixture(name="server")
def fixture_server(lab):
    return lab.start("reconsiders").wait_ready()


def close_one(server, number):
    os.write(server.process.stdin.fileno(), b".")
    server.wait_line(f"CLOSED {number}")


def told(lab):
    return sorted(path.name for path in lab.session_dir.glob("*.told"))


def by_signal(lab, server):
    server.send(REPORT_SIGNAL)
    report = lab.log_of(server)
    (lab.log_dir / f"{server.pid}.log").unlink()
    return report


def from_outside(lab, server):
    return lab.report(server.pid)[0]


WAYS = [by_signal, from_outside]


@pytest.mark.parametrize("second", WAYS)
@pytest.mark.parametrize("first", WAYS)
def test_the_next_report_names_it(lab, server, first, second):
    [finding] = first(lab, server)["findings"]
    close_one(server, 1)
    close_one(server, 2)
    report = second(lab, server)
    [entry] = report["closed_after_all"]
    assert entry == {"id": finding["id"], "cause": "eof-read-not-closed", "pid": server.pid,
                     "created": "serve.h:" + innermost(finding, "created").split(":")[1],
                     "count": 2}
    assert [f["count"] for f in report["findings"]] == [1]
    assert from_outside(lab, server)["closed_after_all"] == []


def test_it_is_news_when_nothing_else_is_left(lab, server):
    from_outside(lab, server)
    for number in (1, 2, 3):
        close_one(server, number)
    done = lab.cwshim("report", "--min-age=0", server.pid)
    assert done.returncode == 0
    assert "closed after all: 3 sockets of an earlier report, made at serve.h:" in done.stdout
    assert told(lab) == []


def test_the_report_at_exit_names_it(lab, server):
    by_signal(lab, server)
    close_one(server, 1)
    assert server.finish() == 0
    report = lab.only_log()
    assert report["reason"] == "exit"
    assert [f["count"] for f in report["findings"]] == [2]
    assert [entry["count"] for entry in report["closed_after_all"]] == [1]
    assert told(lab) == []


def test_what_was_never_told_is_not_named(lab, server):
    close_one(server, 1)
    assert from_outside(lab, server)["closed_after_all"] == []
    assert server.finish() == 0
    assert lab.logs()


def test_a_report_of_less_forgets_nothing(lab, server):
    """A filter shows less than was told before."""
    from_outside(lab, server)
    assert lab.report("--cause=never-used", server.pid)[0]["findings"] == []
    close_one(server, 1)
    assert from_outside(lab, server)["closed_after_all"][0]["count"] == 1


@pytest.mark.parametrize("text", ["", "x" * 100000, "0123456789abcdef eof-read-not-closed zz p\n",
                                  "0123456789abcdef ../../x 1 p\n\0\n", "\n\n%s%n\n"])
def test_a_file_that_makes_no_sense_says_nothing(lab, server, text):
    from_outside(lab, server)
    [name] = told(lab)
    (lab.session_dir / name).write_text(text)
    report = from_outside(lab, server)
    assert report["closed_after_all"] == [] and len(report["findings"]) == 1


def test_a_link_is_not_followed(lab, server):
    from_outside(lab, server)
    [name] = told(lab)
    other = lab.root / "other"
    other.write_text("0123456789abcdef eof-read-not-closed 1 x.c:1\n")
    (lab.session_dir / name).unlink()
    (lab.session_dir / name).symlink_to(other)
    assert from_outside(lab, server)["closed_after_all"] == []
    assert other.read_text().endswith("x.c:1\n")


def test_nothing_is_left_of_a_killed_process(lab, server):
    from_outside(lab, server)
    assert told(lab)
    server.send(signal.SIGKILL)
    server.finish()
    lab.report(server.pid)
    assert told(lab) == []


def server_under_run(lab):
    """The program that `cwshim run` started, and what tells it from the command."""
    run = lab.run("reconsiders", options=["--error-exitcode=9"]).wait_ready()
    with open(f"/proc/{run.pid}/task/{run.pid}/children", encoding="ascii") as children:
        [pid] = children.read().split()
    return run, int(pid)


@pytest.mark.parametrize("closed", [3, 2])
def test_under_run_it_is_dropped_from_the_verdict(lab, closed):
    """What was told while it ran does not count at the end; what is left does."""
    run, pid = server_under_run(lab)
    assert [f["count"] for f in lab.report(pid)[0]["findings"]] == [3]
    for number in range(1, closed + 1):
        close_one(run, number)
    assert run.finish() == (9 if closed < 3 else 0)
    report = load_report(lab.run_output)
    assert [f["count"] for f in report["findings"]] == ([1] if closed < 3 else [])
    assert report["summary"]["leak"] == 3 - closed
    assert report["closed_after_all"] == []


def test_under_run_what_the_signal_asked_for_is_dropped(lab):
    """The program asks for its report; what the command then saw is not what it tells at the end."""
    run, pid = server_under_run(lab)
    os.kill(pid, REPORT_SIGNAL)
    for number in (1, 2, 3):
        close_one(run, number)
    assert run.finish() == 0
    assert load_report(lab.run_output)["findings"] == []
