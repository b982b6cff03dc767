# SPDX-License-Identifier: MIT
"""The text report of the fork server, the one that people will know the tool by."""

import re

from lab import BUILD, REPORT_SIGNAL, wait_until


def text_report(lab, *args):
    running = lab.start("forkserver", "--clients=20", at_exit=0).wait_ready()
    done = lab.cwshim("report", "--min-age=0", *args, running.pid)
    assert done.returncode == 1 and done.stderr == ""
    assert running.finish() == 0
    return running, done.stdout


def has_row(text, label, place):
    function, line = place.split(":")
    pattern = rf"^ *{label} +{function} +forkserver\.c:{line}\b"
    assert re.search(pattern, text, re.MULTILINE), f"{label} {place} in\n{text}"


def test_names_cause_lines_and_cure(lab):
    running, text = text_report(lab)
    [expect] = running.expects
    assert text.startswith(f"cwshim: 20 sockets leaked, 1 cause -- forkserver (pid {running.pid}")
    assert re.search(r"^#1 +parent kept its copy after fork +20 sockets", text, re.MULTILINE)
    has_row(text, "accepted", expect["created"])
    has_row(text, "forked", expect["forked"])
    has_row(text, "EOF read", expect["eof"])
    has_row(text, "closed", expect["closed_elsewhere"])
    assert re.search(rf"still open .*pid {running.pid}\b", text)
    line = expect["forked"].split(":")[1]
    assert re.search(rf"fix: close [^#]*forkserver\.c:{line}\b", text)


def sockets_in(text):
    return re.findall(r"^ +\d+ +127\.0\.0\.1:\d+ +CLOSE_WAIT ", text, re.MULTILINE)


def test_is_short_unless_all_is_asked_for(lab):
    _, text = text_report(lab)
    assert len(text.splitlines()) < 40
    assert "(--all)" in text
    _, text = text_report(lab, "--all")
    assert len(sockets_in(text)) == 20


def test_color_only_where_wanted(lab):
    assert "\x1b" not in text_report(lab)[1]
    assert "\x1b[" in text_report(lab, "--color=always")[1]


def test_the_library_prints_the_same_report(lab):
    running = lab.start("forkserver", "--clients=20", format=None, at_exit=0).wait_ready()
    running.send(REPORT_SIGNAL)
    path = lab.log_dir / f"{running.pid}.log"
    wait_until(lambda: path.exists() and "fix:" in path.read_text(), "a text report")
    [expect] = running.expects
    has_row(path.read_text(), "accepted", expect["created"])
    assert running.finish() == 0


def test_the_correction_that_the_advice_names_ends_the_leak(lab):
    """--fixed differs from the server by the one line that the advice asks for."""
    running = lab.start("forkserver", "--clients=20", "--fixed", log_path=None, format=None)
    assert running.wait_ready().finish() == 0
    assert running.stderr == ""


def test_version():
    import subprocess
    done = subprocess.run([BUILD / "cwshim", "--version"], capture_output=True, text=True,
                          check=True)
    assert re.fullmatch(r"cwshim \d+\.\d+\.\d+\n", done.stdout)
