# SPDX-License-Identifier: MIT
"""With facts taken away one at a time a report becomes less sure, and never false."""

import shutil
import subprocess

import pytest

from lab import COMMAND, load_report

TARGETS = [
    ("forkserver", "--clients=5"),
    ("eof_not_closed",),
    ("shutdown_not_closed",),
    ("wrong_close", "--shape=stale"),
    ("half_close_relay",),
    ("client_sockets", "--shape=reconnect"),
    ("client_sockets", "--shape=abandoned"),
    ("event_loop", "--shape=edge"),
    ("event_loop", "--shape=forgotten"),
    ("event_loop", "--shape=removed"),
    ("stuck_thread", "--shape=mutex"),
    ("unread_not_closed",),
]
UNKNOWN = {"unread-not-closed", "eof-read-not-closed", "opened-elsewhere"}

# How the reporter is started so that it lacks something.
WITHOUT_SOCK_DIAG = ["unshare", "--net", "--"]
WITHOUT_PROC = ["unshare", "--mount", "--", "sh", "-c",
                'mount -t tmpfs none /proc && exec "$0" "$@"']


def name_of(value):
    return " ".join(value)


def report_without(lab, wrapper, pid):
    path = lab.root / "report.json"
    done = subprocess.run([*wrapper, COMMAND, "report", "--format=json", "--min-age=0",
                           f"--output={path}", f"--session-dir={lab.session_dir}", str(pid)],
                          capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode in (0, 1), done.stderr
    return load_report(path)


def assert_nothing_false(report, running):
    [expect] = running.expects
    assert {finding["cause"] for finding in report["findings"]} <= {expect["cause"]} | UNKNOWN
    for finding in report["findings"]:
        if finding["cause"] == expect["cause"]:
            assert finding["count"] <= int(expect["count"])


@pytest.mark.parametrize("wrapper", [WITHOUT_SOCK_DIAG, WITHOUT_PROC], ids=["sock_diag", "proc"])
@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_without_the_word_of_the_kernel(lab, target, wrapper):
    assert shutil.which("unshare")
    running = lab.start(*target, at_exit=0).wait_ready()
    assert_nothing_false(report_without(lab, wrapper, running.pid), running)
    assert running.finish() == 0


@pytest.mark.parametrize("unwind", ["none", "caller", "fp"])
@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_without_stacks(lab, target, unwind):
    running = lab.start(*target, at_exit=0, unwind=unwind).wait_ready()
    report, _ = lab.report(running.pid)
    assert report["findings"]
    assert_nothing_false(report, running)
    assert running.finish() == 0
